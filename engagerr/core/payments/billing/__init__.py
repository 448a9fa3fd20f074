"""Billing: plans and subscriptions, invoices, value-added tax, and tax reports."""
