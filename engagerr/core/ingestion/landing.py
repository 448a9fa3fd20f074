"""From the temporary tables into the workspace: each step is one statement over the whole file.

Everything here runs inside the import's transaction and holds the tenant's import lock, so two imports cannot weave.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from engagerr.core.integrations.records import Rejection

if TYPE_CHECKING:
    from datetime import datetime

    from engagerr.core.db import Session
    from engagerr.core.ingestion.staging import Staged


_MANY = 500


@dataclass(frozen=True, slots=True)
class LandedItems:
    """How many items were new and how many said something new. `elsewhere` are accounts ({id: platform}) that hold
    some of them already, though the source names others."""

    new: int
    updated: int
    elsewhere: Mapping[UUID, str] = field(default_factory=dict)


def lock_imports(session: Session, tenant_id: UUID, *, shared: bool = False) -> None:
    """Wait until no other import of this tenant is landing; with `shared`, others that share it may."""
    session.execute(
        text(
            f"SELECT pg_advisory_xact_lock{'_shared' if shared else ''}"
            "(hashtextextended('engagerr.import.' || :tenant, 0))"
        ),
        {"tenant": str(tenant_id)},
    )


def touches_a_tree(session: Session, tenant_id: UUID) -> bool:
    """Whether an item that is staged stands in a family."""
    found: bool = session.execute(text(_IN_A_TREE), {"tenant_id": tenant_id}).scalar_one()
    return found


def months_staged(session: Session) -> list[Any]:
    """The months (first days) that the staged observations fall into."""
    return list(
        session.execute(
            text("SELECT DISTINCT date_trunc('month', observed_at AT TIME ZONE 'UTC')::date FROM stage_observations")
        ).scalars()
    )


def land_items(
    session: Session,
    *,
    tenant_id: UUID,
    import_id: UUID,
    accounts: dict[int, UUID],
    described_at: datetime,
    staged: int,
    reread: bool = False,
) -> tuple[LandedItems, list[Rejection]]:
    """Insert new items, update the ones that say something new (keeping what they said), and name all subjects.

    With `reread`, `stage_lineage` names the imports that are read again: an item that only they had a word in is what
    they say now and nothing else.
    """
    if not staged:
        return LandedItems(0, 0), []
    if accounts:
        session.execute(
            text("INSERT INTO stage_accounts SELECT * FROM unnest(CAST(:numbers AS integer[]), CAST(:ids AS uuid[]))"),
            {"numbers": list(accounts), "ids": [str(account_id) for account_id in accounts.values()]},
        )
    # The planner knows nothing of tables just filled; for a page's worth it does not matter.
    many = staged > _MANY
    if many:
        session.execute(text("ANALYZE stage_items"))
    repeated = session.execute(
        text("SELECT EXISTS (SELECT FROM stage_items GROUP BY platform, native_id HAVING count(*) > 1)")
    ).scalar_one()
    # An item on several lines of one file: the last word on each field wins, and hints add up.
    distinct = session.execute(text(_DISTINCT_OF_REPEATED if repeated else _DISTINCT_AS_STAGED)).rowcount
    if many:
        session.execute(text("ANALYZE stage_distinct"))
    values = {"tenant_id": tenant_id, "import_id": import_id, "described_at": described_at}
    held = session.execute(text(_TAKE_OUT_FOREIGN[many]), values).all()
    rejections = [
        Rejection(
            row.row,
            "native_id",
            f"{row.platform}:{row.native_id}",
            f"the item belongs to {row.account}" + (f" of {row.creator}" if row.creator else ""),
            "Name the right account with --account, or leave the row out.",
            row.part,
        )
        for row in held
        if row.is_foreign
    ]
    elsewhere = {row.held_id: row.platform for row in held if not row.is_foreign}
    new = session.execute(text(_INSERT_NEW[many]), values).rowcount
    updated = 0
    if new < distinct - len(rejections):
        updated = session.execute(text((_UPDATE_REREAD if reread else _UPDATE_CHANGED)[many]), values).scalar_one()
        session.execute(text(_SAID_AGAIN), values)
    session.execute(text(_NAME_SUBJECTS[many]), values)
    if many:
        session.execute(text("ANALYZE stage_subjects"))
    return LandedItems(new, updated, elsewhere), rejections


def land_observations(session: Session, *, tenant_id: UUID, import_id: UUID, staged: int) -> tuple[int, bool]:
    """Append what is new; returns how many figures, and whether that was all of them.

    A figure that differs from what stood for the same moment becomes its next revision.
    """
    values = {"tenant_id": tenant_id, "import_id": import_id}
    try:
        # Nearly always every figure is new: a plain insert is half as dear as one that asks before each row.
        with session.begin_nested():
            return session.execute(text(_INSERT_OBSERVATIONS), values).rowcount, True
    except IntegrityError:
        pass
    new = f"{_INSERT_OBSERVATIONS} ORDER BY sequence ON CONFLICT DO NOTHING"
    landed: int = session.execute(text(_NOTE_LANDED.format(insert=new)), values).scalar_one()
    if landed < staged:
        # Some figures stand already, or twice in the file: keep the ones that say something else.
        landed += session.execute(text(_NOTE_LANDED.format(insert=_INSERT_REVISIONS)), values).scalar_one()
    return landed, False


def land_audience(session: Session, *, tenant_id: UUID, staged: Staged, accounts: dict[int, UUID]) -> None:
    """Append the shares of the accounts' audiences; what was said for the same moment before stays."""
    shares = [
        {
            "tenant_id": tenant_id, "account_id": accounts[account.number], "dimension": share.dimension,
            "value": share.value, "share": str(share.share), "observed_at": observed_at,
        }
        for account in staged.accounts.values()
        for share, observed_at in account.audience
    ]  # fmt: skip
    if shares:
        session.execute(
            text(
                "INSERT INTO account_audience_shares (tenant_id, account_id, dimension, value, share, observed_at)"
                " VALUES (:tenant_id, :account_id, :dimension, :value, :share, :observed_at) ON CONFLICT DO NOTHING"
            ),
            shares,
        )


def reread_observations(session: Session, *, tenant_id: UUID, import_id: UUID) -> tuple[int, int]:
    """What imports that are read again (`stage_lineage`) say now: (figures that are new or read otherwise, figures that
    are read no more). The last word on each figure counts, and only where one of them had the last word before."""
    session.execute(text("ANALYZE stage_observations"))
    values = {"tenant_id": tenant_id, "import_id": import_id}
    row = session.execute(text(_REREAD), values).one()
    return row.corrected, row.withdrawn


def withdraw(session: Session, *, tenant_id: UUID, import_id: UUID, corrects: UUID) -> int:
    """Take back what earlier imports and replays of the same file said and this one does not say; how many figures.

    Nothing is deleted: each figure gets a further revision without a number, so that history shows both.
    """
    values = {"tenant_id": tenant_id, "import_id": import_id, "corrects": corrects}
    return session.execute(text(_WITHDRAW), values).rowcount


def count_unchanged(session: Session, *, all_landed: bool) -> int:
    """Rows whose item was known, said nothing new, and whose figures all stood already; after `land_observations`."""
    unchanged: int = session.execute(
        text(_COUNT_UNCHANGED.format(brought=_STAGED if all_landed else _LANDED))
    ).scalar_one()
    return unchanged


def land_links(session: Session, *, tenant_id: UUID, updated: int) -> None:
    """What items point at, whether the target is known yet or not; what their text no longer says stands no more.

    `updated` is how many items say something else than before: only those can have links that stand no more.
    """
    if updated:
        session.execute(text(_RETIRE_LINKS), {"tenant_id": tenant_id})
    session.execute(
        text(
            """
            INSERT INTO content_links (tenant_id, item_id, platform, native_id, found_in, detail)
            SELECT DISTINCT ON (subject_id, platform, native_id, found_in)
                   :tenant_id, subject_id, platform, native_id, found_in, detail
            FROM stage_links JOIN stage_subjects USING (subject)
            ORDER BY subject_id, platform, native_id, found_in, subject DESC
            ON CONFLICT (tenant_id, item_id, platform, native_id, found_in) DO UPDATE
              SET stands = true, detail = excluded.detail
              WHERE NOT content_links.stands
            """
        ),
        {"tenant_id": tenant_id},
    )


def drop_superseded_links(session: Session) -> None:
    """Of pages that are read again as one: what only an earlier text of an item pointed at, its last text retired."""
    session.execute(text(_DROP_SUPERSEDED))


_FIELDS = ("kind", "title", "body", "url", "published_at", "duration_seconds", "language")
_ALL = (*_FIELDS, "links", "hints")


def _each(template: str, names: tuple[str, ...] = _FIELDS) -> str:
    """The template once per field, with `$` as the field's name."""
    return ", ".join(template.replace("$", name) for name in names)


# How what is staged finds the items that are known. The planner chooses for many; it knows nothing of tables just
# filled, though, nor of a home's first items, and may read all items to find fifty. A few are looked up one by one (a
# lateral subquery with OFFSET stays one).
_SAME = """known.tenant_id = :tenant_id AND known.platform = staged.platform AND known.native_id = staged.native_id"""
_KNOWN = {
    True: f"JOIN content_items AS known ON {_SAME}",
    False: f"CROSS JOIN LATERAL (SELECT * FROM content_items AS known WHERE {_SAME} OFFSET 0) AS known",
}


def _both(template: str) -> dict[bool, str]:
    """{whether many items are staged: the statement}; `<known>` joins the known items to `staged`."""
    return {many: template.replace("<known>", join) for many, join in _KNOWN.items()}


_NEWER_WORD = """
         CASE WHEN :described_at >= known.described_at THEN coalesce(staged.$, known.$)
              ELSE coalesce(known.$, staged.$) END AS $"""

_DISTINCT_AS_STAGED = """
INSERT INTO stage_distinct
SELECT subject, account_id, platform, native_id, kind, title, body, url, published_at, duration_seconds, language,
       links, hints, "row", part
FROM stage_items JOIN stage_accounts USING (account)
"""

_DISTINCT_OF_REPEATED = f"""
INSERT INTO stage_distinct
SELECT min(subject) AS subject, (array_agg(account_id ORDER BY subject))[1] AS account_id, platform, native_id,
       {_each("(array_agg($ ORDER BY subject DESC) FILTER (WHERE $ IS NOT NULL))[1] AS $")},
       ARRAY(SELECT jsonb_array_elements_text(coalesce(
         (array_agg(to_jsonb(links) ORDER BY subject DESC) FILTER (WHERE links <> '{{}}'))[1], '[]'))) AS links,
       jsonb_object_agg_strict(coalesce(hint.key, ''), hint.value ORDER BY subject) - '' AS hints,
       min("row") AS "row", (array_agg(part ORDER BY subject))[1] AS part
FROM stage_items JOIN stage_accounts USING (account)
LEFT JOIN LATERAL jsonb_each(hints) AS hint ON true
GROUP BY platform, native_id
"""

# An item of another creator's account: most likely the wrong --account. The known items are found first, so that the
# accounts are looked up once each and not once an item.
_TAKE_OUT_FOREIGN = _both("""
WITH held AS MATERIALIZED (
  SELECT staged.ctid AS place, staged."row", staged.part, staged.platform, staged.native_id,
         staged.account_id AS claimed_id, known.account_id AS held_id
  FROM stage_distinct AS staged <known>
  WHERE known.account_id <> staged.account_id
), misnamed AS (
  SELECT held.*, account.platform || ':' || account.handle AS account, creators.name AS creator,
         account.creator_id IS DISTINCT FROM claimed.creator_id AND claimed.creator_id IS NOT NULL AS is_foreign
  FROM held
  JOIN accounts AS account ON account.tenant_id = engagerr_tenant() AND account.id = held.held_id
  JOIN accounts AS claimed ON claimed.tenant_id = engagerr_tenant() AND claimed.id = held.claimed_id
  LEFT JOIN creators ON creators.tenant_id = engagerr_tenant() AND creators.id = account.creator_id
), gone AS (
  DELETE FROM stage_distinct USING misnamed WHERE stage_distinct.ctid = misnamed.place AND is_foreign)
SELECT * FROM misnamed ORDER BY part, "row"
""")

_INSERT_NEW = {many: f"""
INSERT INTO content_items (tenant_id, account_id, platform, native_id, kind, title, body, url, published_at,
                           duration_seconds, language, links, hints, import_id, described_at, first_import_id)
SELECT :tenant_id, account_id, platform, native_id, kind, title, body, url, published_at, duration_seconds, language,
       coalesce(links, '{{}}'), coalesce(hints, '{{}}'), :import_id, :described_at, :import_id
FROM stage_distinct AS staged
WHERE NOT EXISTS (SELECT FROM content_items AS known WHERE {_SAME}{'' if many else ' OFFSET 0'})
ORDER BY subject{'' if many else ' ON CONFLICT (tenant_id, platform, native_id) DO NOTHING'}
""" for many in _KNOWN}  # fmt: skip

_IN_A_TREE = f"""
SELECT EXISTS (
  SELECT FROM stage_items AS staged
  CROSS JOIN LATERAL (SELECT id FROM content_items AS known WHERE {_SAME} OFFSET 0) AS item
  JOIN content_nodes AS node ON node.tenant_id = :tenant_id AND node.item_id = item.id)
"""

# A field that the file lacks stays as it is; one that an older export says only fills a gap.
_CHANGE = """
WITH said AS (
  SELECT known.id, to_jsonb(known) AS stood,
         {fields},
         {links} AS links,
         {hints} AS hints
  FROM stage_distinct AS staged <known>
  {sole}
  WHERE known.import_id <> :import_id
), changed AS (
  UPDATE content_items SET {set}, import_id = :import_id, described_at = greatest(described_at, :described_at)
  FROM said
  WHERE content_items.tenant_id = :tenant_id AND content_items.id = said.id
    AND ({stood}) IS DISTINCT FROM ({said})
  RETURNING content_items.id, said.stood, to_jsonb(content_items) AS stands
), kept AS (
  INSERT INTO content_item_versions (tenant_id, item_id, replaced_by_import_id, before)
  SELECT :tenant_id, id, :import_id,
         (SELECT jsonb_object_agg(key, value) FROM jsonb_each(stood)
          WHERE value IS DISTINCT FROM stands -> key AND key NOT IN ('import_id', 'described_at'))
  FROM changed)
SELECT count(*) FROM changed
"""
_NEWER_LINKS = """CASE WHEN staged.links <> '{}' AND :described_at >= known.described_at
              THEN staged.links ELSE known.links END"""
_NEWER_HINTS = """CASE WHEN :described_at >= known.described_at THEN known.hints || coalesce(staged.hints, '{}')
              ELSE coalesce(staged.hints, '{}') || known.hints END"""
_SETTING = {
    "set": _each("$ = said.$", _ALL), "stood": _each("content_items.$", _ALL), "said": _each("said.$", _ALL),
}  # fmt: skip
_UPDATE_CHANGED = _both(
    _CHANGE.format(fields=_each(_NEWER_WORD), links=_NEWER_LINKS, hints=_NEWER_HINTS, sole="", **_SETTING)
)
_UPDATE_REREAD = _both(_CHANGE.format(
    fields=_each(f"CASE WHEN sole THEN staged.$ ELSE {_NEWER_WORD.strip().removesuffix('AS $')} END AS $"),
    links=f"CASE WHEN sole THEN coalesce(staged.links, '{{}}') ELSE {_NEWER_LINKS} END",
    hints=f"CASE WHEN sole THEN coalesce(staged.hints, '{{}}') ELSE {_NEWER_HINTS} END",
    sole="""CROSS JOIN LATERAL (
    SELECT known.first_import_id IN (SELECT import_id FROM stage_lineage)
       AND known.import_id IN (SELECT import_id FROM stage_lineage)
       AND NOT EXISTS (SELECT FROM content_item_versions AS version
                       WHERE version.tenant_id = :tenant_id AND version.item_id = known.id
                         AND version.replaced_by_import_id NOT IN (SELECT import_id FROM stage_lineage)) AS sole
  ) AS known_by""",
    **_SETTING,
))  # fmt: skip

# What repeats the known words makes them as new as itself: a file from in between must not overrule them.
_SAID_AGAIN = """
UPDATE content_items AS known SET described_at = :described_at FROM stage_distinct AS staged
WHERE known.tenant_id = :tenant_id AND known.platform = staged.platform AND known.native_id = staged.native_id
  AND known.import_id <> :import_id AND known.described_at < :described_at
"""

_NAME_SUBJECTS = _both("""
INSERT INTO stage_subjects (subject, subject_id, is_new)
SELECT named.subject, known.id, known.import_id = :import_id
FROM stage_items AS named JOIN stage_distinct AS staged USING (platform, native_id) <known>
""")

_INSERT_OBSERVATIONS = """
INSERT INTO metric_observations (tenant_id, subject_id, metric, observed_at, period_days, revision, value, state,
                                 currency, import_id, "row", part)
SELECT :tenant_id, subject_id, metric, observed_at, period_days, 0, value, state, currency, :import_id, "row", part
FROM stage_observations JOIN stage_subjects USING (subject)
"""

_KEY = "metric, observed_at, period_days"
_SAID = "value, state, currency"

# `told` puts what stood last and all that the file says about one moment in a row, oldest first; what differs from the
# one before is a revision. The file's own first word (revision 0, just inserted by us) is told by its value.
_INSERT_REVISIONS = f"""
WITH staged AS (
  SELECT subject_id, {_KEY}, {_SAID}, "row", part, sequence
  FROM stage_observations JOIN stage_subjects USING (subject)
), doubted AS (
  SELECT DISTINCT staged.subject_id, staged.metric, staged.observed_at, staged.period_days
  FROM staged JOIN metric_observations AS first
    ON first.tenant_id = :tenant_id AND first.subject_id = staged.subject_id AND first.metric = staged.metric
   AND first.observed_at = staged.observed_at AND first.period_days = staged.period_days AND first.revision = 0
  WHERE (first.value, first.state, first.currency) IS DISTINCT FROM (staged.value, staged.state, staged.currency)
     OR first.import_id <> :import_id
), told AS (
  SELECT subject_id, {_KEY}, {_SAID}, NULL::integer AS "row", NULL AS part, -1::bigint AS sequence, revision
  FROM doubted CROSS JOIN LATERAL (
    SELECT revision, {_SAID} FROM metric_observations AS known
    WHERE known.tenant_id = :tenant_id AND known.subject_id = doubted.subject_id AND known.metric = doubted.metric
      AND known.observed_at = doubted.observed_at AND known.period_days = doubted.period_days
    ORDER BY revision DESC LIMIT 1) AS newest
  UNION ALL
  SELECT subject_id, {_KEY}, {_SAID}, "row", part, sequence, NULL FROM staged JOIN doubted USING (subject_id, {_KEY})
), compared AS (
  SELECT *, ({_SAID}) IS DISTINCT FROM (lag(value) OVER moment, lag(state) OVER moment, lag(currency) OVER moment)
              AS differs,
         max(revision) OVER (PARTITION BY subject_id, {_KEY}) AS newest_revision
  FROM told WINDOW moment AS (PARTITION BY subject_id, {_KEY} ORDER BY sequence)
)
INSERT INTO metric_observations (tenant_id, subject_id, {_KEY}, revision, {_SAID}, import_id, "row", part)
SELECT :tenant_id, subject_id, {_KEY},
       newest_revision + row_number() OVER (PARTITION BY subject_id, {_KEY} ORDER BY sequence), {_SAID}, :import_id,
       "row", part
FROM compared WHERE differs AND sequence >= 0
"""

# Which rows of the file brought a figure, noted while they land: if they were looked for afterwards, the planner would
# have nothing to go by in tables just filled, and take a time that grows with the square of the file.
_NOTE_LANDED = """
WITH landed AS ({insert} RETURNING "row", part),
     noted AS (INSERT INTO stage_landed SELECT DISTINCT "row", part FROM landed)
SELECT count(*) FROM landed
"""
_STAGED = "SELECT subject FROM stage_observations"
_LANDED = """
SELECT staged.subject FROM stage_observations AS staged
JOIN stage_landed AS landed ON landed."row" = staged."row" AND landed.part IS NOT DISTINCT FROM staged.part"""

# Only rows whose figures all stood before are unchanged; a row without figures is, when its item is.
_COUNT_UNCHANGED = """
SELECT count(DISTINCT (part, "row")) FROM stage_items WHERE subject IN (
  SELECT subject FROM stage_subjects WHERE NOT is_new EXCEPT {brought})
"""

# Only where the file's own text is the one that stands: an export without descriptions, or an older one, retires none.
# Links are looked up item by item (a lateral subquery with OFFSET stays one) and changed where they lie: the planner
# knows nothing of tables just filled, and would read all of them.
_RETIRE_LINKS = """
UPDATE content_links SET stands = false
WHERE tenant_id = :tenant_id AND ctid = ANY (ARRAY(
  SELECT link.place
  FROM stage_items AS staged JOIN stage_subjects USING (subject)
  JOIN content_items AS item ON item.tenant_id = :tenant_id AND item.id = subject_id
  CROSS JOIN LATERAL (
    SELECT ctid AS place, item_id, platform, native_id, found_in FROM content_links
    WHERE tenant_id = :tenant_id AND item_id = item.id AND found_in = 'link' AND stands OFFSET 0) AS link
  WHERE is_new AND staged.body IS NOT NULL AND item.body = staged.body
    AND NOT EXISTS (
      SELECT FROM stage_links AS said JOIN stage_subjects AS who ON who.subject = said.subject
      WHERE who.subject_id = link.item_id AND said.platform = link.platform AND said.native_id = link.native_id
        AND said.found_in = link.found_in)))
"""

_DROP_SUPERSEDED = """
WITH last AS (
  SELECT platform, native_id, max(subject) AS subject, (array_agg(part ORDER BY subject DESC))[1] AS part
  FROM stage_items WHERE body IS NOT NULL GROUP BY platform, native_id)
DELETE FROM stage_links USING stage_items AS staged JOIN last USING (platform, native_id)
WHERE stage_links.subject = staged.subject AND stage_links.found_in = 'link'
  AND staged.subject < last.subject AND staged.part IS DISTINCT FROM last.part
"""

_REREAD = f"""
WITH said AS MATERIALIZED (
  SELECT DISTINCT ON (subject_id, {_KEY}) subject_id, {_KEY}, {_SAID}, "row", part
  FROM stage_observations JOIN stage_subjects USING (subject)
  ORDER BY subject_id, {_KEY}, sequence DESC
), newest AS MATERIALIZED (
  -- One look into the index for each subject: in a young database, whose tables nobody has analysed yet, the planner
  -- would read all figures for each account.
  SELECT known.*
  FROM (SELECT DISTINCT subject_id FROM stage_subjects) AS subject
  CROSS JOIN LATERAL (
    SELECT DISTINCT ON ({_KEY}) subject_id, {_KEY}, {_SAID}, revision, import_id, "row", part
    FROM metric_observations AS seen
    WHERE seen.tenant_id = :tenant_id AND seen.subject_id = subject.subject_id
    ORDER BY {_KEY}, revision DESC) AS known
), compared AS (
  SELECT subject_id, {_KEY}, said."row" IS NOT NULL AS is_said, newest.revision, newest.import_id AS told_by,
         said.value, said.state, said.currency, said."row", said.part,
         newest.value AS stood_value, newest.state AS stood_state, newest.currency AS stood_currency,
         newest."row" AS stood_row, newest.part AS stood_part
  FROM said FULL JOIN newest USING (subject_id, {_KEY})
), ours AS (
  SELECT * FROM compared WHERE revision IS NULL OR told_by IN (SELECT import_id FROM stage_lineage)
), corrected AS (
  INSERT INTO metric_observations (tenant_id, subject_id, {_KEY}, revision, {_SAID}, import_id, "row", part)
  SELECT :tenant_id, subject_id, {_KEY}, coalesce(revision + 1, 0), {_SAID}, :import_id, "row", part
  FROM ours WHERE is_said AND (revision IS NULL
    OR (value, state, currency) IS DISTINCT FROM (stood_value, stood_state, stood_currency))
  RETURNING 1
), withdrawn AS (
  INSERT INTO metric_observations (tenant_id, subject_id, {_KEY}, revision, {_SAID}, import_id, "row", part)
  SELECT :tenant_id, subject_id, {_KEY}, revision + 1, NULL, 'not_reported', stood_currency, :import_id, stood_row,
         stood_part
  FROM ours WHERE NOT is_said AND stood_value IS NOT NULL
  RETURNING 1
)
SELECT (SELECT count(*) FROM corrected) AS corrected, (SELECT count(*) FROM withdrawn) AS withdrawn
"""

_WITHDRAW = f"""
WITH newest AS (
  SELECT DISTINCT ON (seen.subject_id, seen.metric, seen.observed_at, seen.period_days) seen.*
  FROM metric_observations AS seen
  WHERE seen.tenant_id = :tenant_id AND seen.subject_id IN (SELECT subject_id FROM stage_subjects)
  ORDER BY seen.subject_id, seen.metric, seen.observed_at, seen.period_days, seen.revision DESC
)
INSERT INTO metric_observations (tenant_id, subject_id, {_KEY}, revision, {_SAID}, import_id, "row", part)
SELECT tenant_id, subject_id, {_KEY}, revision + 1, NULL, 'not_reported', currency, :import_id, "row", part
FROM newest
WHERE value IS NOT NULL
  AND import_id IN (
    SELECT same.id FROM imports AS corrected
    JOIN imports AS same ON same.tenant_id = corrected.tenant_id AND same.sha256 = corrected.sha256
    WHERE corrected.tenant_id = :tenant_id AND corrected.id = :corrects)
  AND NOT EXISTS (
    SELECT FROM stage_observations AS staged JOIN stage_subjects USING (subject)
    WHERE subject_id = newest.subject_id AND staged.metric = newest.metric AND staged.observed_at = newest.observed_at
      AND staged.period_days = newest.period_days)
"""
