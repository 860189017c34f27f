-- Agents 代理商 bring merchants, and agents of their own. They stand in a tree: who is above sees what is below.

-- Owner: merchants.
create table agents (
  id text collate "C" primary key,
  -- Whom it stands below; null at the top. That nobody stands below itself is held by the one who moves it, and by I-42.
  parent_id text collate "C" references agents (id),
  name text not null check (length(name) between 1 and 100),
  state text not null default 'active' check (state in ('active', 'closed')),
  created_at timestamptz not null,
  constraint agents_not_below_itself check (parent_id <> id)
);
create index agents_parent on agents (parent_id) where parent_id is not null;

-- At most one agent has brought a merchant.
alter table merchants add column agent_id text collate "C" references agents (id);
create index merchants_agent on merchants (agent_id, id) where agent_id is not null;
