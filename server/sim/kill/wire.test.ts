import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { createTestDatabase, type TestDatabase } from '../../testing/database.ts';
import { openWire, type Wire } from './wire.ts';

describe('a wire to PostgreSQL', () => {
  let database: TestDatabase;
  let wire: Wire;
  before(async () => {
    database = await createTestDatabase();
    wire = await openWire([Number(new URL(database.database_url.expose()).port)]);
    await direct('create table notes (id integer primary key)');
  });
  after(async () => {
    await wire.close();
    await database.drop();
  });
  const client = async (port?: number): Promise<pg.Client> => {
    const url = new URL(database.database_url.expose());
    if (port !== undefined) url.port = String(port);
    const opened = new pg.Client({ connectionString: url.href });
    opened.on('error', () => {});
    await opened.connect();
    return opened;
  };
  const direct = async (text: string): Promise<unknown[]> => {
    const opened = await client();
    const { rows } = await opened.query(text);
    await opened.end();
    return rows;
  };
  const exists = async (id: number) => (await direct(`select 1 from notes where id = ${id}`)).length === 1;

  const ways: readonly (readonly [string, (opened: pg.Client, id: number) => Promise<unknown>])[] = [
    ['a plain statement', (opened, id) => opened.query(`insert into notes values (${id})`)],
    [
      'a prepared statement',
      (opened, id) => opened.query({ name: 'note', text: 'with n as (insert into notes values ($1) returning id) select id from n', values: [id] }),
    ],
    [
      'a transaction',
      async (opened, id) => {
        await opened.query('begin');
        await opened.query('insert into notes values ($1)', [id]);
        await opened.query('commit');
      },
    ],
  ];
  for (const [at, [name, write]] of ways.entries()) {
    it(`OF-05 cuts ${name} before its commit was heard: nothing is there`, async () => {
      const opened = await client(wire.port);
      await opened.query('select 1');
      const cut = wire.cutCommit('before');
      await assert.rejects(write(opened, 10 + at));
      await cut.done;
      assert.equal(await exists(10 + at), false);
    });
    it(`OF-05 cuts ${name} after its commit and before its answer: it is there, and nobody was told`, async () => {
      const opened = await client(wire.port);
      const cut = wire.cutCommit('after');
      await assert.rejects(write(opened, 20 + at));
      await cut.done;
      assert.equal(await exists(20 + at), true);
    });
  }

  it('lets reading alone while a commit is to be cut', async () => {
    const opened = await client(wire.port);
    const cut = wire.cutCommit('before');
    assert.equal((await opened.query('select count(*) from notes where id = $1', [10])).rowCount, 1);
    cut.disarm();
    await opened.query('insert into notes values (30)');
    assert.equal(await exists(30), true);
    await opened.end();
  });

  it('resets every connection when it is cut, and takes new ones', async () => {
    const opened = await client(wire.port);
    const lost = new Promise((resolve) => opened.once('end', resolve));
    assert.equal(wire.cut(), 1);
    await lost;
    await (await client(wire.port)).end();
  });

  it('passes nothing through a hole, and everything once it is closed', async () => {
    const opened = await client(wire.port);
    wire.weather({ hole: true });
    let answered = false;
    const asked = opened.query('select 1').then(() => {
      answered = true;
    });
    await direct('select 1');
    assert.equal(answered, false);
    wire.weather({});
    await asked;
    await opened.end();
  });

  it('halves connections: the server has lost them, the client is not told', async () => {
    const opened = await client(wire.port);
    let told = false;
    opened.once('end', () => {
      told = true;
    });
    wire.halve();
    await direct('select 1');
    assert.equal(told, false);
    const lost = new Promise((resolve) => opened.once('end', resolve));
    wire.cut();
    await lost;
  });

  it('leads elsewhere when the first place does not listen, and refuses when none does', async () => {
    const here = Number(new URL(database.database_url.expose()).port);
    wire.lead([1, here]);
    for (let turn = 0; turn < 3; turn++) await (await client(wire.port)).end();
    wire.lead([1]);
    await assert.rejects(client(wire.port));
    wire.lead([here]);
    wire.weather({ refuse: true });
    await assert.rejects(client(wire.port));
    wire.weather({});
  });
});
