-- Statements of agents are files that the operator takes away: nothing of them is kept but the key that signs them.

-- Owner: settlement. The public half is given out with each statement.
create table agent_statement_keys (
  agent_id text collate "C" primary key references agents (id),
  id text collate "C" not null,
  public_key bytea not null,
  private_key_sealed bytea not null,
  created_at timestamptz not null
);
