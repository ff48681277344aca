"""People and tokens, messages and slots, drops, events and webhooks."""

from alembic import op

revision = "0001"
down_revision = None

PEOPLE = """
CREATE TABLE team (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE agent (
    id uuid PRIMARY KEY,
    -- as the dialplan names him: agent=NAME
    name text NOT NULL UNIQUE,
    display text NOT NULL DEFAULT '',
    team_id uuid REFERENCES team ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX agent_team ON agent (team_id);
CREATE TABLE token (
    id uuid PRIMARY KEY,
    -- SHA-256 of the token, which has 256 random bits of its own
    hash bytea NOT NULL UNIQUE,
    label text NOT NULL,
    role text NOT NULL CHECK (role IN ('agent', 'supervisor', 'admin')),
    agent_id uuid REFERENCES agent ON DELETE CASCADE,
    team_id uuid REFERENCES team ON DELETE CASCADE,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    CHECK (role <> 'agent' OR agent_id IS NOT NULL),
    CHECK (role <> 'supervisor' OR team_id IS NOT NULL)
);
CREATE TABLE audit (
    id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    -- 'token:<label>', 'agent:<name>', 'cli', 'engine'
    actor text NOT NULL,
    token_id uuid,
    action text NOT NULL,
    object text NOT NULL,
    object_id text NOT NULL DEFAULT '',
    detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_object ON audit (object, object_id, id);
CREATE TABLE idempotency (
    token_id uuid NOT NULL REFERENCES token ON DELETE CASCADE,
    key text NOT NULL,
    -- SHA-256 of method, path and body: the same key with another request is an error
    request bytea NOT NULL,
    -- null while the first request is under way
    status int,
    answer jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (token_id, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);
"""

MESSAGES = """
CREATE TABLE message (
    id uuid PRIMARY KEY,
    label text NOT NULL,
    -- whose it is: an agent's, a team's, or everybody's when both are null
    agent_id uuid REFERENCES agent ON DELETE CASCADE,
    team_id uuid REFERENCES team ON DELETE CASCADE,
    language text NOT NULL DEFAULT '',
    tags text[] NOT NULL DEFAULT '{}',
    transcript text NOT NULL DEFAULT '',
    call_to_action text NOT NULL DEFAULT '',
    callback_number text NOT NULL DEFAULT '',
    optout_number text NOT NULL DEFAULT '',
    -- keep the audio of its drops
    evidence boolean NOT NULL DEFAULT false,
    -- the version that is played
    version int NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CHECK (agent_id IS NULL OR team_id IS NULL)
);
CREATE INDEX message_agent ON message (agent_id);
CREATE INDEX message_team ON message (team_id);
CREATE TABLE message_version (
    message_id uuid NOT NULL REFERENCES message,
    version int NOT NULL,
    -- of the original file: where the shelf keeps it
    sha256 text NOT NULL,
    -- of the prepared 8 kHz file: what a receipt names
    prepared_sha256 text NOT NULL,
    duration_s double precision NOT NULL,
    checks jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    PRIMARY KEY (message_id, version)
);
CREATE INDEX message_version_sha256 ON message_version (sha256);
CREATE TABLE slot (
    slot int NOT NULL CHECK (slot BETWEEN 1 AND 9),
    agent_id uuid REFERENCES agent ON DELETE CASCADE,
    team_id uuid REFERENCES team ON DELETE CASCADE,
    message_id uuid NOT NULL REFERENCES message,
    CHECK (agent_id IS NULL OR team_id IS NULL),
    UNIQUE NULLS NOT DISTINCT (slot, agent_id, team_id)
);
CREATE TABLE message_count (
    message_id uuid NOT NULL,
    version int NOT NULL,
    outcome text NOT NULL,
    drops bigint NOT NULL,
    PRIMARY KEY (message_id, version, outcome)
);
CREATE TABLE suppression (
    -- a number as +15551234567, or the beginning of numbers as +1900*
    pattern text PRIMARY KEY,
    reason text NOT NULL DEFAULT '',
    source text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by text NOT NULL,
    expires_at timestamptz
);
CREATE TABLE suppression_hash (
    -- of an erased person's number: HMAC-SHA256 under the deployment's key
    hash bytea PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now()
);
-- The deployment's key for hashes of numbers: made at the migration, one row.
CREATE TABLE number_key (
    key bytea NOT NULL,
    one boolean PRIMARY KEY DEFAULT true CHECK (one)
);
INSERT INTO number_key (key) VALUES (uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
-- Numbers that were erased: what an engine's journal holds of them from before is blanked, shipped or not.
CREATE TABLE erasure (
    hash bytea PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    -- nodes whose journal holds nothing more of it
    done text[] NOT NULL DEFAULT '{}'
);
"""

DROPS = """
CREATE TABLE drops (
    -- UUIDv7: the order of ids is the order in time
    id uuid PRIMARY KEY,
    node text NOT NULL,
    door text NOT NULL,
    -- null until it has ended
    outcome text,
    reason text NOT NULL DEFAULT '',
    agent text NOT NULL DEFAULT '',
    -- whose it was at the time
    agent_id uuid,
    team_id uuid,
    number text NOT NULL DEFAULT '',
    caller_id text NOT NULL DEFAULT '',
    ref text NOT NULL DEFAULT '',
    slot int,
    message_id uuid,
    message_version int,
    cue text,
    accepted_at timestamptz NOT NULL,
    ended_at timestamptz,
    played_fraction real,
    -- the receipt as the journal holds it
    receipt jsonb,
    -- the folder of its evidence, below the evidence directory; null when there is none, or no more
    evidence text,
    evidence_until timestamptz,
    erased_at timestamptz
);
CREATE INDEX drops_team ON drops (team_id, id DESC);
CREATE INDEX drops_agent ON drops (agent_id, id DESC);
CREATE INDEX drops_outcome ON drops (outcome, id DESC);
CREATE INDEX drops_team_outcome ON drops (team_id, outcome, id DESC);
CREATE INDEX drops_agent_outcome ON drops (agent_id, outcome, id DESC);
CREATE INDEX drops_number ON drops (number, id DESC);
CREATE INDEX drops_message ON drops (message_id, id DESC);
CREATE INDEX drops_message_outcome ON drops (message_id, outcome, id DESC);
CREATE INDEX drops_team_message ON drops (team_id, message_id, id DESC);
CREATE INDEX drops_ref ON drops (ref, id DESC) WHERE ref <> '';
CREATE INDEX drops_evidence ON drops (node, evidence_until) WHERE evidence IS NOT NULL;
CREATE INDEX drops_personal ON drops (id) WHERE erased_at IS NULL;

-- How far each journal file has been taken over: written in one transaction with what it held.
CREATE TABLE shipped (
    node text NOT NULL,
    file text NOT NULL,
    bytes bigint NOT NULL,
    PRIMARY KEY (node, file)
);

-- What happened, for the live feed and for webhooks. Written in one transaction with what it tells of, and one
-- writer at a time, so that nobody who has read up to an id misses a smaller one that is committed later.
CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    drop_id uuid,
    agent_id uuid,
    team_id uuid,
    body jsonb NOT NULL
);
CREATE INDEX event_drop ON event (drop_id);
CREATE INDEX event_at ON event (at);
CREATE INDEX event_team ON event (team_id, id);
CREATE INDEX event_number ON event ((body->>'number'));

CREATE TABLE webhook (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    -- kinds of events; empty: all
    kinds text[] NOT NULL DEFAULT '{}',
    -- null: of every team
    team_id uuid REFERENCES team ON DELETE CASCADE,
    secret text NOT NULL,
    -- still signed with until then, after a rotation
    old_secret text,
    old_secret_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    failing_since timestamptz,
    disabled_at timestamptz,
    disabled_reason text
);
CREATE TABLE delivery (
    id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL REFERENCES webhook ON DELETE CASCADE,
    event_id bigint NOT NULL REFERENCES event ON DELETE CASCADE,
    -- deliveries of one drop to one webhook go out in order
    drop_id uuid,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    attempts int NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    last_status int,
    last_error text NOT NULL DEFAULT ''
);
CREATE INDEX delivery_pending ON delivery (next_at) WHERE state = 'pending';
CREATE INDEX delivery_order ON delivery (webhook_id, drop_id, event_id) WHERE state = 'pending';
CREATE INDEX delivery_webhook ON delivery (webhook_id, id DESC);
CREATE INDEX delivery_event ON delivery (event_id);
"""


def upgrade() -> None:
    for part in (PEOPLE, MESSAGES, DROPS):
        op.execute(part)
