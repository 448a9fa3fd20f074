"""The composition root: `Engagerr` without a tenant, `Workspace` with one, and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from engagerr.core.clock import Clock, SystemClock
from engagerr.core.errors import InvalidInput
from engagerr.core.settings import Settings
from engagerr.core.tenancy import Access, Members, Tenant, verify_audit
from engagerr.core.tenancy.audit import AuditVerdict
from engagerr.core.tenancy.home import SignInMemory
from engagerr.core.tenancy.permissions import Permission
from engagerr.core.tenancy.signin import SignIn, find_tenant, found_tenant, sign_in, sign_in_again
from engagerr.core.tenancy.tokens import NotSignedIn, not_signed_in

if TYPE_CHECKING:
    import httpx

    from engagerr.core.ai import Embedder
    from engagerr.core.ai.ai import Ai
    from engagerr.core.ai.provider import Provider
    from engagerr.core.ai.router import Router
    from engagerr.core.content import Campaigns, Content
    from engagerr.core.content.review import Review
    from engagerr.core.content.terms import Terms
    from engagerr.core.db import Database
    from engagerr.core.db.partitions import Partitions
    from engagerr.core.deals.contracting.contracts import Contracts
    from engagerr.core.deals.delivery.deliverables import Deliverables
    from engagerr.core.deals.offering.proposals import Proposals
    from engagerr.core.deals.pipeline.deals import Deals
    from engagerr.core.events import Events
    from engagerr.core.ingestion import Ingestion
    from engagerr.core.ingestion.connections import Platforms
    from engagerr.core.ingestion.sync import Sync
    from engagerr.core.integrations.connector import Connector
    from engagerr.core.integrations.http import PlatformHttp
    from engagerr.core.integrations.mail import Post
    from engagerr.core.matching.availability import Availability
    from engagerr.core.matching.briefs import Briefs
    from engagerr.core.matching.marketplace import Marketplace
    from engagerr.core.matching.matching import Matching
    from engagerr.core.matching.package import Packages
    from engagerr.core.matching.profiles import Profiles
    from engagerr.core.matching.search import Search
    from engagerr.core.matching.shortlists import Shortlists
    from engagerr.core.matching.weights import Weights
    from engagerr.core.metrics import FigureReader, Metrics
    from engagerr.core.metrics.insights import Insights
    from engagerr.core.metrics.reports.delivery import Schedules
    from engagerr.core.metrics.reports.reports import Reports
    from engagerr.core.ops import Health
    from engagerr.core.payments.payments import Payments
    from engagerr.core.payments.stripe_gateway import StripeGateway
    from engagerr.core.roster import Roster


class Engagerr:
    """One Engagerr: settings, database and clock; no tenant. Cheap to open: nothing connects before it is needed.

    >>> with Engagerr.open() as engagerr:
    ...     work = engagerr.workspace()
    ...     work.ingestion.import_file("Table data.csv", creator="Ann Lee")
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        connectors: Mapping[str, Connector] | None = None,
        transport: httpx.BaseTransport | None = None,
        mail: Post | None = None,
        embedder: Embedder | None = None,
        models: Sequence[Provider] | None = None,
        stripe: StripeGateway | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        self._given_connectors = connectors
        self._transport = transport
        self._given_mail = mail
        self._given_embedder = embedder
        self._given_models = models
        self._given_stripe = stripe

    @classmethod
    def open(cls, **flags: Any) -> Engagerr:
        """Read the settings (flags over environment over TOML over defaults) and make an Engagerr of them."""
        return cls(Settings.load(**flags))

    @functools.cached_property
    def database(self) -> Database:
        """The database of these settings."""
        from engagerr.core.db import Database

        return Database(self.settings)

    @functools.cached_property
    def partitions(self) -> Partitions:
        """The months of observations, of every workspace of this database: operations' business."""
        from engagerr.core.db.partitions import Partitions

        return Partitions(self.database, self.settings, self.clock)

    @functools.cached_property
    def connectors(self) -> Mapping[str, Connector]:
        """The platforms that can be connected, by name."""
        if self._given_connectors is not None:
            return self._given_connectors
        from engagerr.core.integrations.registry import installed_connectors

        return installed_connectors()

    @functools.cached_property
    def http(self) -> PlatformHttp:
        """The one door to other companies."""
        from engagerr.core.integrations.http import PlatformHttp

        return PlatformHttp.of(self.settings, clock=self.clock, transport=self._transport)

    @functools.cached_property
    def mail(self) -> Post:
        """Whatever sends mail; raises `MailNotConfigured` (an `InvalidInput`) where the settings name nobody."""
        if self._given_mail is not None:
            return self._given_mail
        from engagerr.core.integrations.mail import post_of

        return post_of(self.settings.mail, http=lambda: self.http, clock=self.clock)

    @functools.cached_property
    def embedder(self) -> Embedder | None:
        """What compares texts by meaning, if the settings name it; `InvalidInput` where its packages are missing."""
        if self._given_embedder is not None:
            return self._given_embedder
        from engagerr.core.ai import chosen_embedder

        return chosen_embedder(self.settings.ai)

    @functools.cached_property
    def meaning(self) -> Embedder | None:
        """What compares creators and briefs by meaning: the chosen embedder, or the one that comes with the install."""
        if self._given_embedder is not None:
            return self._given_embedder
        from engagerr.core.ai import default_embedder

        return default_embedder(self.settings.ai, home=self.settings.home)

    def meaning_of_space(self, space: str) -> Embedder | None:
        """The local embedder whose vectors lie in this space; None where it is not installed any more."""
        from engagerr.core.ai import embedder_of_space

        return embedder_of_space(space, threads=self.settings.ai.threads)

    @functools.cached_property
    def models(self) -> Router:
        """Whoever answers tasks: hosted models as far as they are configured, local ones, and the floor."""
        from engagerr.core.ai.providers import configured_providers
        from engagerr.core.ai.router import Router

        providers = self._given_models
        if providers is None:
            providers = configured_providers(self.settings.ai, home=self.settings.home, transport=self._transport)
        return Router(providers, clock=self.clock, timeout_seconds=self.settings.ai.timeout_seconds)

    @functools.cached_property
    def stripe(self) -> StripeGateway:
        """The payment provider: Stripe with the key of the settings, else the sandbox of this home."""
        if self._given_stripe is not None:
            return self._given_stripe
        from engagerr.core.payments.stripe_gateway import gateway_of

        return gateway_of(self.settings, clock=self.clock)

    def init(self, name: str, *, kind: str = "agency", email: str | None = None) -> Workspace:
        """Found a workspace in this home and sign in; in a home that has one, sign in to that and change nothing."""
        memory = SignInMemory(self.settings.home)
        with memory.exclusive():
            held = self._signed_in(memory)
            if held is not None:
                self._refuse_another(held.tenant, kind=kind, name=name)
                return Workspace(self, held)
            if (tenant_id := memory.tenant_id()) is not None:
                there = find_tenant(self.database, tenant_id)
                if there is not None:
                    self._refuse_another(there, kind=kind, name=name)
                    held, token = sign_in_again(
                        self.database, there, email=email, session_days=self.settings.tenancy.session_days,
                        now=self.clock.now(),
                    )  # fmt: skip
                    memory.keep(tenant_id=tenant_id, token=token)
                    return Workspace(self, held)
            held, token = found_tenant(
                self.database, kind=kind, name=name, email=email,
                session_days=self.settings.tenancy.session_days, now=self.clock.now(),
            )  # fmt: skip
            memory.keep(tenant_id=held.tenant.id, token=token)
        return Workspace(self, held)

    def workspace(self, token: str | None = None) -> Workspace:
        """Open a workspace with a token; without one, with ENGAGERR_TOKEN or the home's own sign-in."""
        if token is None:
            token = SignInMemory(self.settings.home).token()
        if token is None:
            raise not_signed_in()
        return Workspace(self, sign_in(self.database, token, now=self.clock.now()))

    def close(self) -> None:
        """Close connections. The embedded server keeps running for the next command."""
        if "http" in self.__dict__:
            self.http.close()
        if "stripe" in self.__dict__:
            self.stripe.close()
        if "database" in self.__dict__:
            self.database.close()

    def __enter__(self) -> Engagerr:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _refuse_another(self, there: Tenant, *, kind: str, name: str) -> None:
        if (there.kind, there.name) != (kind, name.strip()):
            raise InvalidInput(
                f"This home holds the {there.kind} {there.name} already.",
                hint="One home is one workspace: set ENGAGERR_HOME to another folder for another one.",
                facts={"workspace": there.name, "kind": there.kind, "home": str(self.settings.home)},
            )

    def _signed_in(self, memory: SignInMemory) -> SignIn | None:
        token = memory.token()
        if token is None:
            return None
        try:
            return sign_in(self.database, token, now=self.clock.now())
        except NotSignedIn:
            return None


class Workspace:
    """A tenant and a person in it: the only way to tenant data. Each property is a feature."""

    def __init__(self, engagerr: Engagerr, signed_in: SignIn) -> None:
        self.tenant = signed_in.tenant
        self.member = signed_in.member
        self._engagerr = engagerr
        self._access = Access(
            engagerr.database, engagerr.settings, engagerr.clock, self.tenant, self.member, signed_in.token_id
        )

    @property
    def access(self) -> Access:
        """Who acts, where and when: for what is built upon a workspace, such as the schedule."""
        return self._access

    @functools.cached_property
    def members(self) -> Members:
        """People and tokens."""
        return Members(self._access)

    @functools.cached_property
    def roster(self) -> Roster:
        """Creators, accounts, terms and rates."""
        from engagerr.core.roster import Roster

        return Roster(self._access)

    @functools.cached_property
    def ingestion(self) -> Ingestion:
        """Files in, interchange out."""
        from engagerr.core.ingestion import Ingestion

        return Ingestion(self._access)

    @functools.cached_property
    def platforms(self) -> Platforms:
        """Sign-in to platforms."""
        from engagerr.core.deals.contracting.seals import reseal_seal_keys
        from engagerr.core.ingestion.connections import Platforms
        from engagerr.core.payments.billing.tax_forms import reseal_tax_forms

        return Platforms(
            self._access, self._engagerr.connectors, self._engagerr.http,
            also_sealed=(reseal_tax_forms, reseal_seal_keys),
        )  # fmt: skip

    @functools.cached_property
    def sync(self) -> Sync:
        """Connected accounts kept in step with their platforms."""
        from engagerr.core.ingestion.sync import Sync

        return Sync(self._access, lambda: self._engagerr.connectors, lambda: self._engagerr.http)

    @functools.cached_property
    def events(self) -> Events:
        """What happened, and telling it again."""
        from engagerr.core.events import Events
        from engagerr.core.ingestion.subscribers import SUBSCRIBERS

        return Events(self._access, SUBSCRIBERS)

    @functools.cached_property
    def content(self) -> Content:
        """Items, edges, families."""
        from engagerr.core.content import Content

        return Content(self._access, self._figures, lambda: self._engagerr.embedder)

    @functools.cached_property
    def review(self) -> Review:
        """Questions about content, in the order in which answers are worth most."""
        from engagerr.core.content.review import Review

        return Review(self._access, self._figures)

    @functools.cached_property
    def terms(self) -> Terms:
        """What was agreed about items, and how far it reaches in their families."""
        from engagerr.core.content.terms import Terms

        return Terms(self._access)

    @functools.cached_property
    def campaigns(self) -> Campaigns:
        """What was made for one brand, reported together."""
        from engagerr.core.content import Campaigns

        return Campaigns(self._access)

    @functools.cached_property
    def ai(self) -> Ai:
        """Tasks that models answer: routed by quality, price, policy and budget."""
        from engagerr.core.ai.ai import Ai

        return Ai(self._access, lambda: self._engagerr.models)

    @functools.cached_property
    def briefs(self) -> Briefs:
        """What brands look for."""
        from engagerr.core.matching.briefs import Briefs

        return Briefs(self._access, ai=lambda: self.ai)

    @functools.cached_property
    def matching(self) -> Matching:
        """Who fits a brief, and why."""
        from engagerr.core.matching.matching import Matching

        return Matching(
            self._access, profiles=self.profiles, ai=lambda: self.ai, embedder=lambda: self._engagerr.meaning,
            older=self._engagerr.meaning_of_space,
        )  # fmt: skip

    @functools.cached_property
    def shortlists(self) -> Shortlists:
        """Whom you mean to pitch, and what came of it."""
        from engagerr.core.matching.shortlists import Shortlists

        return Shortlists(self._access, self.matching)

    @functools.cached_property
    def weights(self) -> Weights:
        """What each signal weighs here; fitted on what was won and lost."""
        from engagerr.core.matching.weights import Weights

        return Weights(self._access)

    @functools.cached_property
    def packages(self) -> Packages:
        """The best set of creators for a budget."""
        from engagerr.core.matching.package import Packages

        return Packages(self._access, self.matching.question)

    @functools.cached_property
    def availability(self) -> Availability:
        """When creators cannot be booked, and what they have promised."""
        from engagerr.core.matching.availability import Availability

        return Availability(self._access)

    @functools.cached_property
    def profiles(self) -> Profiles:
        """What creators are searched by, one row each."""
        from engagerr.core.matching.profiles import Profiles

        return Profiles(self._access)

    @functools.cached_property
    def search(self) -> Search:
        """Creators by filters and in plain words; searches that are kept."""
        from engagerr.core.matching.search import Search

        return Search(
            self._access, lambda: self._engagerr.meaning, profiles=self.profiles, older=self._engagerr.meaning_of_space
        )

    @functools.cached_property
    def marketplace(self) -> Marketplace:
        """What workspaces show each other: listings, briefs, approaches."""
        from engagerr.core.matching.marketplace import Marketplace

        return Marketplace(self._access)

    @functools.cached_property
    def metrics(self) -> Metrics:
        """Observations, standard figures, reports."""
        from engagerr.core.ingestion.raw_rows import RawRows
        from engagerr.core.metrics import Metrics

        return Metrics(self._access, self._figures, RawRows())

    @functools.cached_property
    def insights(self) -> Insights:
        """Rates, growth, comparisons, forecasts."""
        from engagerr.core.metrics.insights import Insights

        return Insights(self._access, self._figures)

    @functools.cached_property
    def reports(self) -> Reports:
        """Media kits and reports that go out."""
        from engagerr.core.metrics.reports.reports import Reports

        return Reports(self._access, self._figures)

    @functools.cached_property
    def schedules(self) -> Schedules:
        """Reports that go out by themselves."""
        from engagerr.core.metrics.reports.delivery import Schedules
        from engagerr.core.metrics.reports.reports import Reports

        return Schedules(self._access, lambda access: Reports(access, self._figures), lambda: self._engagerr.mail)

    @functools.cached_property
    def payments(self) -> Payments:
        """Money: ledger, holds, payees, the provider, billing, reconciliation."""
        from engagerr.core.deals.pipeline.settlement import hold_settled, is_approved, silence_releases
        from engagerr.core.payments.payments import Payments

        return Payments(
            self._access, lambda: self._engagerr.stripe, settled=hold_settled, silence=silence_releases,
            approved=is_approved,
        )  # fmt: skip

    @functools.cached_property
    def deals(self) -> Deals:
        """Partnerships from enquiry to paid."""
        from engagerr.core.deals.pipeline.deals import Deals

        return Deals(self._access)

    @functools.cached_property
    def proposals(self) -> Proposals:
        """What is offered in a deal, version by version."""
        from engagerr.core.deals.offering.proposals import Proposals

        return Proposals(self._access)

    @functools.cached_property
    def contracts(self) -> Contracts:
        """What was agreed: clauses, signatures, amendments."""
        from engagerr.core.deals.contracting.contracts import Contracts

        return Contracts(self._access, ai=lambda: self.ai)

    @functools.cached_property
    def deliverables(self) -> Deliverables:
        """What is made for a deal: milestones, drafts, approvals, disclosure."""
        from engagerr.core.deals.delivery.deliverables import Deliverables

        return Deliverables(self._access)

    @functools.cached_property
    def health(self) -> Health:
        """Is all well?"""
        from engagerr.core.ops import Health

        return Health(self._access)

    def verify_audit(self) -> AuditVerdict:
        """Check the audit log's chain of hashes from end to end."""
        with self._access.transaction(Permission.READ_AUDIT):
            pass
        return verify_audit(self._engagerr.database, self.tenant.id)

    @functools.cached_property
    def _figures(self) -> FigureReader:
        from engagerr.core.metrics import FigureReader

        return FigureReader()
