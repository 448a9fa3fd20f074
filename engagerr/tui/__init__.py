"""The agency console: draws what the core answers, and holds no rule of the business."""
