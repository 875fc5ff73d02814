"""Other hands on our tables, by Paimon's own library: what inlet may live with, and what sets a table aside by name."""
from house import canon, lake
from house.agent import ASIDE, DONE, until
from house.registry import check, each, test
from house.server import ANY


def start(t, kind=ANY):
    """Two tables, copied, then changed over a few commits: (server, job, lake)."""
    server = t.server(kind)
    database = t.database(server, *['create table %s (id int primary key, v varchar(40))' % n for n in ('ours', 'other')],
                          *["insert into %s values (1,'a'),(2,'b'),(3,'c')" % n for n in ('ours', 'other')])
    job = t.job(server, database, pipeline__checkpoint__interval='200ms')
    job.catch_up()
    for i in range(4):
        change(server, database, i)
        job.catch_up()
    return server, job, lake.Lake(job.warehouse), database


def change(server, database, i):
    server.sql("update ours set v = 'x%d' where id = 1; update other set v = 'y%d' where id = 2; insert into ours values (%d, 'n'); "
               "insert into other values (%d, 'n')" % (i, i, 100 + i, 100 + i), database)


def aside(t, server, job, view, database, agent, what):
    """The table `ours` is set aside by name, `other` goes on. One that was dropped is copied anew by the next start."""
    check('ours' in agent.log(), 'the table is not named:\n%s', agent.tail())
    if what == 'drop':
        job.catch_up(60, DONE)
        change(server, database, 50)
        job.catch_up(60, DONE)
        lake.same(t, job, ['ours', 'other'])
        return
    frozen = view.latest(database + '.ours')
    change(server, database, 50)
    again = job.catch_up(60, ASIDE)
    check('ours' in again.log(), 'the table is not named on the next start:\n%s', again.tail())
    check(view.latest(database + '.ours') == frozen, 'inlet went on writing a table that is not what it left')
    lake.same(t, job, ['other'])


DIVERGING = {
    'rollback': lambda view, name: view.write(name, {'rollback': max(1, view.latest(name) - 2)}),
    'overwrite': lambda view, name: view.write(name, {'overwrite': [{'id': 77, 'v': 'foreign'}]}),
    'drop_and_create': lambda view, name: (view.judge('drop', name), view.write(
        name, {'create': {'columns': [{'name': 'id', 'type': 'INT NOT NULL'}, {'name': 'v', 'type': 'VARCHAR(40)'}], 'primaryKeys': ['id'],
                          'options': {'bucket': '2', 'file.format': 'avro'}}}, {'k': '+I', 'r': {'id': 5, 'v': 'foreign'}}, {'commit': True})),
    'drop': lambda view, name: view.judge('drop', name),
}


@each('resting', list(DIVERGING), seconds=90, servers=lambda v: (ANY,))
def resting(t, what):
    """While inlet rests somebody rolls back, overwrites, drops, or drops and makes anew: exit code 3, the others go on."""
    server, job, view, database = start(t)
    DIVERGING[what](view, database + '.ours')
    change(server, database, 10)
    agent = job.catch_up(60, ASIDE)
    aside(t, server, job, view, database, agent, what)


@each('running', list(DIVERGING), seconds=90, servers=lambda v: (ANY,))
def running(t, what):
    """The same while inlet runs."""
    server, job, view, database = start(t)
    agent = job.start()
    before = view.latest(database + '.other')
    change(server, database, 8)
    until(20, 'a first commit', lambda: view.latest(database + '.other') > before, agent)
    DIVERGING[what](view, database + '.ours')
    for i in range(3):
        change(server, database, 10 + i)
        before = view.latest(database + '.other')
        until(20, 'the other table to go on', lambda: view.latest(database + '.other') > before, agent)
    agent.wait_log(r'ours', 20)
    agent.stop(15, ASIDE)
    aside(t, server, job, view, database, agent, what)


FRIENDLY = {
    'compact': [{'compact': 'full'}],
    'minor_compact': [{'compact': 'minor'}],
    'expire': [{'expire': {'keep': 1}}],
    'tag': [{'tag': 'kept'}],
    'insert': [{'user': 'somebody'}, {'k': '+I', 'r': {'id': 9000, 'v': 'foreign'}}, {'commit': True}],
}


@each('beside', list(FRIENDLY), seconds=90, servers=lambda v: (ANY,))
def beside(t, what):
    """Compaction, expiry, tags and rows of another writer, at rest and in the run: inlet goes on."""
    server, job, view, database = start(t)
    for name in ('ours', 'other'):
        view.write('%s.%s' % (database, name), *FRIENDLY[what])
    change(server, database, 10)
    job.catch_up(60, DONE)
    agent = job.start()
    for i in range(4):
        before = view.latest(database + '.ours')
        change(server, database, 20 + i)
        until(20, 'a commit', lambda: view.latest(database + '.ours') > before, agent)
        if what != 'tag' or i == 0:
            view.write(database + '.ours', *([{'tag': 'kept2'}] if what == 'tag' else FRIENDLY[what]))
    agent.stop()
    job.catch_up()
    if what != 'insert':
        lake.same(t, job, ['ours', 'other'], orphans=True)
        return
    for name in ('ours', 'other'):
        want = canon.rows_of(server, database, name)
        want.append(('9000', {'id': '9000', 'v': '"foreign"'}))
        diff = lake.difference(want, view.rows('%s.%s' % (database, name)))
        check(not diff, '%s: %s', name, diff)
        view.verify('%s.%s' % (database, name), orphans=True)


@test(seconds=60, servers=(ANY,))
def strangers_table(t):
    """A table of that name which inlet did not make is not written to unless it fits."""
    server = t.server(ANY)
    database = t.database(server, 'create table ours (id int primary key, v varchar(40))', "insert into ours values (1, 'a')",
                          'create table other (id int primary key)', 'insert into other values (1)')
    job = t.job(server, database)
    view = lake.Lake(job.warehouse)
    view.write(database + '.ours', {'create': {'columns': [{'name': 'id', 'type': 'STRING NOT NULL'}, {'name': 'w', 'type': 'INT'}],
                                              'primaryKeys': ['id'], 'options': {'bucket': '1', 'file.format': 'avro'}}},
               {'k': '+I', 'r': {'id': 'theirs', 'w': 1}}, {'commit': True})
    agent = job.catch_up(60, ASIDE)
    check('ours' in agent.log(), 'the table is not named:\n%s', agent.tail())
    check(view.rows(database + '.ours') == ['{"id":"theirs","w":1}'], 'a stranger\'s table was written to')
    lake.same(t, job, ['other'])


ALTERING = {  # what is altered -> (the operation, whether the source's columns still fit)
    'option': ([{'set': 'snapshot.num-retained.max', 'value': '50'}], True),
    'comment': ([{'columnComment': 'v', 'to': 'somebody explained it'}, {'comment': 'and the table too'}], True),
    'buckets': ([{'set': 'bucket', 'value': '4'}], False),
    'add': ([{'add': 'extra', 'type': 'INT'}], False),
    'rename': ([{'rename': 'v', 'to': 'w'}], False),
    'type': ([{'type': 'v', 'to': 'STRING'}], False),
}


@each('altered', ['%s_%s' % (when, what) for when in ('resting', 'running') for what in ALTERING], seconds=90, servers=lambda v: (ANY,))
def altered(t, case):
    """Somebody alters the table: read again; it goes on where the source's columns still fit, and is set aside by name where not."""
    when, what = case.split('_')
    change_of, fits = ALTERING[what]
    server, job, view, database = start(t)
    name = database + '.ours'
    agent = None
    if when == 'running':
        agent = job.start()
        before = view.latest(name)
        change(server, database, 8)
        until(20, 'a first commit', lambda: view.latest(name) > before, agent)
    view.write(name, {'alter': change_of})
    shape = view.schema(name)
    for i in range(2):
        before = view.latest(database + '.other')
        change(server, database, 20 + i)
        if agent:
            until(20, 'the other table to go on', lambda: view.latest(database + '.other') > before, agent)
    if agent:
        if not fits:
            agent.wait_log(r'table-parked[^\n]*ours', 20)
        agent.stop(15, DONE if fits else ASIDE)
    again = job.catch_up(60, DONE if fits else ASIDE)
    check(fits or 'ours' in again.log(), 'the table is not named:\n%s', again.tail())
    check(view.schema(name) == shape, 'inlet changed the schema that somebody else made')
    lake.same(t, job, ['other'])
    if fits:
        want = canon.rows_of(server, database, 'ours')
        diff = lake.difference(want, view.rows(name))
        check(not diff, '%s: %s', name, diff)
        view.verify(name)
