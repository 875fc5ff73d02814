"""The command line as its users meet it: exit codes, checks of job files, secrets, and the table verbs beside the judges."""
import json
import os
import re

from house import lake, traffic
from house.agent import DONE, USAGE, Job, command
from house.registry import check, each, test
from house.server import ANY, PASSWORD

VERBS = ('run', 'validate', 'table read', 'table checksum', 'table count', 'table schema', 'table snapshots', 'table files',
         'version', 'help')


@test()
def help_and_usage(t):
    """Help for every verb on stdout with 0; anything that is no command: on stderr, with 2."""
    code, out, _ = command(t, 'help')
    check(code == DONE and all(v in out for v in VERBS), 'help lacks a verb: %s', out)
    for verb in VERBS:
        code, out, err = command(t, 'help', *verb.split())
        check(code == DONE and verb in out and not err, 'help %s: %d %s%s', verb, code, out, err)
    code, out, _ = command(t, 'version')
    check(code == DONE and re.fullmatch(r'inlet \d+\.\d+\.\d+\S*\n', out), 'version: %d %r', code, out)
    for wrong in ([], ['fly'], ['run'], ['run', 'a', 'b'], ['run', '--nonsense', 'x.yaml'], ['table'], ['table', 'read', '/nowhere'],
                  ['table', 'read', '/nowhere', 'nodot'], ['table', 'fly', '/nowhere', 'a.b'], ['validate'], ['validate', '/nowhere.yaml'],
                  ['run', '/nowhere.yaml'], ['help', 'fly']):
        code, out, err = command(t, *wrong)
        check(code == USAGE, 'inlet %s ended with %d', ' '.join(wrong), code)
        check(err.strip() and not out, 'inlet %s: says it on the wrong side: %r %r', ' '.join(wrong), out, err)
    for verb in ('read', 'count', 'checksum', 'schema', 'snapshots', 'files'):
        code, out, err = command(t, 'table', verb, t.work, 'no.such')
        check(code != DONE and 'such' in err and not out, 'table %s of a table that is not there: %d %r %r', verb, code, out, err)


def valid():
    return {'source': {'type': 'mysql', 'hostname': 'localhost', 'port': 3306, 'username': 'u', 'password': PASSWORD, 'tables': r'db.\.*'},
            'sink': {'type': 'paimon', 'catalog.properties.warehouse': '/tmp/nowhere'}, 'pipeline': {'name': 'n'}}


def text(blocks):
    return ''.join('%s:\n%s' % (b, ''.join('  %s: %s\n' % (k, v) for k, v in o.items())) for b, o in blocks.items())


def validate(t, content):
    path = os.path.join(t.work, 'job.yaml')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(content)
    return command(t, 'validate', path)


@test()
def job_files(t):
    """Unknown, known-but-not-yet and wrong keys are refused with line, column and the nearest known key."""
    code, out, err = validate(t, text(valid()))
    check(code == DONE, 'a valid job file: %d %s', code, err)
    cases = [  # block, key, value, what the text must hold
        ('source', 'hostnam', 'x', ['hostname']),
        ('source', 'scan.startup.mod', 'initial', ['scan.startup.mode']),
        ('sink', 'catalog.properties.warehose', '/x', ['catalog.properties.warehouse']),
        ('pipeline', 'memry', '1GiB', ['memory']),
        ('pipeline', 'schema.change.behavior', 'lenient', ['not supported']),
        ('pipeline', 'memory', 'lots', ['memory', 'lots']),
        ('pipeline', 'memory', '1', ['memory']),
        ('pipeline', 'parallelism', '0', ['parallelism']),
        ('pipeline', 'checkpoint.interval', '-5 s', ['checkpoint.interval']),
        ('source', 'port', '99999', ['port']),
        ('source', 'type', 'oracle', ['oracle']),
        ('sink', 'type', 'kafka', ['kafka']),
        ('source', 'tables', 'no-dot', ['no-dot']),
        ('source', 'scan.startup.mode', 'sideways', ['sideways', 'initial']),
    ]
    for block, key, value, holds in cases:
        blocks = valid()
        blocks[block].pop(key, None)
        blocks[block][key] = value
        content = text(blocks)
        lines = content.split('\n')
        begin = lines.index(block + ':')
        line = next(n for n, x in enumerate(lines, 1) if n > begin and x.startswith('  %s:' % key))
        code, out, err = validate(t, content)
        check(code == USAGE and not out, '%s.%s=%s ended with %d: %s', block, key, value, code, out)
        check(re.search(r'job\.yaml:%d:\d+' % line, err), '%s.%s=%s: no place job.yaml:%d in: %s', block, key, value, line, err)
        check(all(h in err for h in holds), '%s.%s=%s: %s is not in: %s', block, key, value, holds, err)
    for missing in (('source', 'hostname'), ('source', 'tables'), ('sink', 'catalog.properties.warehouse'), ('source', 'type')):
        blocks = valid()
        del blocks[missing[0]][missing[1]]
        code, _, err = validate(t, text(blocks))
        check(code == USAGE and missing[1] in err, 'without %s.%s: %d %s', *missing, code, err)
    for content, holds in (('source: [', ':'), ('', 'nothing'), ('rubbish', ''), (text(valid()) + 'extra:\n  a: b\n', 'extra'),
                           (text(valid()) + 'pipeline:\n  name: twice\n', 'pipeline'), ('a: &x b\nc: *x\n', ''),
                           (text(valid()).replace('port: 3306', 'port: 3306\n  port: 3307'), 'port'),
                           (text(valid()) + 'route:\n  - source-table: a.b\n    sink-table: c.d\n', 'route'), ('\x00\x01\x02', ''),
                           ('[' * 5000, ''), (text(valid()).replace(PASSWORD, '${env:NOT_SET_ANYWHERE}'), 'NOT_SET_ANYWHERE'),
                           (text(valid()).replace(PASSWORD, '${file:/nowhere/secret}'), '/nowhere/secret')):
        code, out, err = validate(t, content)
        check(code == USAGE and holds in err and err.strip(), 'job file %r: %d %s', content[:60], code, err)


@test(servers=(ANY,), seconds=60)
def secrets(t):
    """Passwords from the file, the environment or a file: used, and never printed."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key)', 'insert into t values (1)')
    secret_file = os.path.join(t.work, 'password')
    with open(secret_file, 'w', encoding='utf-8') as f:
        f.write(PASSWORD + '\n')
    for n, value in enumerate((PASSWORD, '${env:THE_PASSWORD}', '${file:%s}' % secret_file)):
        job = t.job(server, database, name='job-%d' % n, warehouse=os.path.join(t.work, 'lake-%d' % n), source__password=value)
        agent = job.start('--until-caught-up', '--log-level', 'debug', env={'THE_PASSWORD': PASSWORD})
        agent.wait(30, DONE)
        check(PASSWORD not in agent.log(), 'the password is in the log')
        lake.same(t, job, ['t'], engines=('java',))
        for folder, _, files in os.walk(job.warehouse):
            for name in files:
                with open(os.path.join(folder, name), 'rb') as f:
                    check(PASSWORD.encode() not in f.read(), 'the password is in %s/%s', folder, name)


@each('table_verbs', (ANY,), servers=lambda v: (v,), seconds=120)
def table_verbs(t, kind):
    """inlet table read, checksum, count, schema, snapshots, files: the same as Paimon's own library says."""
    server = t.server(kind)
    database = t.database(server)
    work = traffic.Traffic(t.seed, server, database)
    work.create(1500)
    job = t.job(server, database).put('sink', 'table.properties.changelog-producer', 'input')
    job.catch_up()
    with server.session(database) as s:
        for _ in range(60):
            work.transaction(s)
    job.catch_up()
    view = lake.Lake(job.warehouse)
    for table in traffic.TABLES:
        name = '%s.%s' % (database, table)

        def ours(verb, *options, name=name):
            code, out, err = command(t, 'table', verb, job.warehouse, name, *options)
            check(code == DONE and not err, 'table %s %s: %d %s', verb, name, code, err)
            return out.split('\n')[:-1]
        _, theirs = view.judge('read', name)
        check(ours('read') == theirs, '%s: rows in key order differ from the judge\'s', name)
        check(sorted(ours('read', '--unsorted')) == sorted(theirs), '%s: unsorted rows differ', name)
        check(ours('checksum') == view.judge('checksum', name)[1], '%s: checksum differs', name)
        check(ours('count') == view.judge('count', name)[1], '%s: count differs', name)
        first = view.snapshots(name)[0]['id']
        check(ours('read', '--snapshot', str(first)) == view.judge('read', name, '--snapshot', str(first))[1], '%s: old snapshot differs', name)
        check(json.loads('\n'.join(ours('schema'))) == view.schema(name), '%s: schema differs', name)
        mine, judged = [json.loads(x) for x in ours('snapshots')], view.snapshots(name)
        check([(s['id'], s['commitKind'], s['totalRecordCount'], s['commitIdentifier']) for s in mine]
              == [(s['id'], s['commitKind'], s['totalRecordCount'], s['commitIdentifier']) for s in judged], '%s: snapshots differ', name)
        files = [json.loads(x) for x in ours('files')]
        judged = [json.loads(x) for x in view.judge('read', name + '$files', '--unsorted')[1]]
        check(sorted((f['file'], f['level'], f['rows'], f['bytes']) for f in files)
              == sorted((f['file_path'].rsplit('/', 1)[1], f['level'], f['record_count'], f['file_size_in_bytes']) for f in judged),
              '%s: files differ', name)


@test(seconds=120)
def paimons_tables(t):
    """Tables that Paimon Java wrote are read back as Paimon reads them, or refused by name; never wrongly."""
    view = lake.Lake(os.path.join(t.work, 'lake'))
    cases = os.path.join(lake.TESTS_DIR, 'judge', 'cases')
    read = refused = 0
    with open(os.path.join(cases, 'list'), encoding='utf-8') as f:
        lines = [x.split() for x in f if x.strip() and not x.startswith('#')]
    for name, operations, *options in lines:
        if not any(o in ('file.format=avro',) for o in options) and operations not in ('crud', 'upsert'):
            continue
        table = 'db.' + name
        rc, out = view.judge('write', table, '--quiet', '--ops', os.path.join(cases, operations + '.ops'), *['--opt.' + o for o in options])
        check(rc == 0, 'judge write %s: %s', table, out[:3])
        code, out, err = command(t, 'table', 'read', view.warehouse, table)
        if code:
            refused += 1
            check(err.strip() and not out, '%s: refused after rows were printed', table)
            t.say('refused: %s: %s' % (table, err.strip()))
            continue
        read += 1
        check(out.split('\n')[:-1] == view.judge('read', table)[1], '%s: rows differ from the judge\'s', table)
    t.say('%d read, %d refused' % (read, refused))
    check(read >= 3, 'only %d of Paimon\'s tables could be read', read)


@test(servers=(ANY,), seconds=60)
def several_jobs(t):
    """Two jobs with different names share a warehouse and a database server, each with tables of its own."""
    server = t.server(ANY)
    database = t.database(server, 'create table a1 (id int primary key)', 'create table b1 (id int primary key)',
                          'insert into a1 values (1)', 'insert into b1 values (2)')
    jobs = [Job(t, server, database, name=n, source__tables=r'%s.%s\.*' % (database, n)) for n in ('a', 'b')]
    for job in jobs:
        job.catch_up()
    server.sql('insert into a1 values (3); insert into b1 values (4)', database)
    for job, table in zip(jobs, ('a1', 'b1')):
        job.catch_up()
        lake.same(t, job, [table])
    check(lake.Lake(jobs[0].warehouse).tables() == [database + '.a1', database + '.b1'], 'tables of the lake')
