"""The command line as its users meet it: exit codes, checks of job files, secrets, and the table verbs beside the judges."""
import json
import os
import re
import socket
import subprocess
import time

from house import lake, traffic
from house.agent import DONE, HUMAN, USAGE, Job, command
from house.registry import check, each, test
from house.server import ANY, KINDS, PASSWORD, TESTS_DIR, free_port

VERBS = ('run', 'compact', 'validate', 'table read', 'table checksum', 'table count', 'table schema', 'table snapshots', 'table files',
         'table changelog', 'table manifests', 'table partitions', 'table buckets', 'table options', 'table compact', 'table apply', 'table expire',
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
    for verb in ('read', 'count', 'checksum', 'schema', 'snapshots', 'files', 'changelog', 'manifests', 'partitions', 'buckets', 'options', 'compact',
                 'expire'):
        code, out, err = command(t, 'table', verb, t.work, 'no.such')
        check(code != DONE and 'such' in err and not out, 'table %s of a table that is not there: %d %r %r', verb, code, out, err)


def valid():
    return {'source': {'type': 'mysql', 'hostname': 'localhost', 'port': 3306, 'username': 'u', 'password': PASSWORD, 'tables': r'db.\.*'},
            'sink': {'type': 'paimon', 'catalog.properties.warehouse': '/tmp/nowhere'}, 'pipeline': {'name': 'n'}}


def text(blocks):
    return ''.join('%s:\n%s' % (b, ''.join('  %s: %s\n' % (k, v) for k, v in o.items())) for b, o in blocks.items())


def validate(t, content):
    path = os.path.join(t.work, 'job.yaml')
    with open(path, 'wb') as f:
        f.write(content if isinstance(content, bytes) else content.encode())
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


@test()
def places(t):
    """What is wrong in a job file has its place, whatever it is: bytes, blocks, nodes of the wrong kind, Paimon's options."""
    base = text(valid())
    count = base.count('\n')
    sink = base[:base.index('pipeline:')]
    in_sink = sink.count('\n') + 1
    for content, place, *holds in (
            (base.encode() + b'# \xff\n', '%d:3' % (count + 1), 'UTF-8'),
            (base.encode() + b'\x00', '%d:1' % (count + 1), 'NUL'),
            (base.encode() + b'# \x07\n', '%d:3' % (count + 1), 'U+0007'),
            (base.encode() + b'\xef\xbb\xbfx: 1\n', '%d:1' % (count + 1), 'byte order mark'),
            (base.encode('utf-16'), '1:1', 'UTF-16'),
            (base.encode() + b'#' * (1 << 20), '%d:' % (count + 1), '1 MiB'),
            (b'', '1:1', 'nothing'),
            (sink + '  table.properties: [bucket]\n', '%d:3' % in_sink, 'table.properties', 'map'),
            (sink + '  table.properties: 7\n', '%d:3' % in_sink, 'table.properties', 'map'),
            (sink + '  table.properties:\n    bucket: [1]\n', '%d:5' % (in_sink + 1), 'bucket', 'list'),
            (sink + '  table.properties.bukcet: 2\n', '%d:3' % in_sink, 'did you mean "bucket"'),
            (sink + '  table.properties:\n    file.formt: avro\n', '%d:5' % (in_sink + 1), 'did you mean "file.format"'),
            (sink + '  table.properties.bucket: none\n', '%d:3' % in_sink, 'bucket'),
            (sink + '  table.properties.num-levels: 2\n  table.properties.file.format: orc\n', '%d:3' % (in_sink + 1), 'orc'),
            (sink + '  table.properties.branch: b1\n', '%d:3' % in_sink, 'branch', 'not supported')):
        code, out, err = validate(t, content)
        check(code == USAGE and not out and 'job.yaml:' + place in err, 'job file %r: %d, no place %s in %s', content[-60:], code, place, err)
        check(all(h in err for h in holds), 'job file %r: %s is not in %s', content[-60:], holds, err)
    for block in ('source', 'sink'):
        blocks = valid()
        del blocks[block]
        code, _, err = validate(t, text(blocks))
        check(code == USAGE and 'job.yaml: block "%s:" is missing' % block in err and block + ': {type' in err, 'without %s: %s', block, err)
    code, _, err = validate(t, b'\xef\xbb\xbf' + base.encode())
    check(code == DONE, 'a byte order mark at the beginning: %d %s', code, err)
    code, _, err = validate(t, sink + '  table.properties.team.owner: me\n  table.properties.scan.mode: latest\n')
    check(code == DONE and err.count('\n') == 1 and 'team.owner' in err, 'an option of nobody\'s: %d %s', code, err)


class Silent:
    """A listener that never answers; full: whose queue takes no connection more, so that not even the kernel does."""

    def __init__(self, full):
        self.socket = socket.socket()
        self.socket.bind(('127.0.0.1', free_port()))
        self.socket.listen(0 if full else 16)
        self.port, self.kept = self.socket.getsockname()[1], []
        while full:
            s = socket.socket()
            self.kept.append(s)
            s.settimeout(0.3)
            try:
                s.connect(('127.0.0.1', self.port))
            except socket.timeout:
                return

    def close(self):
        for s in [self.socket, *self.kept]:
            s.close()


@each('black_hole', ('silent', 'full'), seconds=30)
def black_hole(t, kind):
    """A server address that swallows everything: SIGTERM ends inlet within two seconds all the same."""
    peer = Silent(kind == 'full')
    t.later.append(peer.close)
    job = t.job(peer, 'nothing')
    agent = job.start()
    time.sleep(1.5)
    check(agent.alive(), 'inlet ended on its own: %s', agent.tail())
    began = time.monotonic()
    agent.stop(10)
    took = time.monotonic() - began
    check(took < 2, 'inlet ended %.1f s after SIGTERM', took)


@each('earliest', ('mariadb-11.8', 'mysql-8.0'), seconds=120)
def earliest(t, kind):
    """scan.startup.mode: earliest-offset over a log in which databases and tables were dropped and altered before they had rows:
    tables as they are now. Where rows of an earlier incarnation were read, its end sets the table aside by name."""
    server = t.server(kind, private=True)
    database = t.database(server, name='early')
    server.sql("create table t (id int primary key, old varchar(3)); drop table t; create table t (id int primary key, v varchar(20)); "
               "alter table t add w int; truncate table t; create or replace table t2 (id int primary key)" if server.mariadb else
               "create table t (id int primary key, old varchar(3)); drop table t; create table t (id int primary key, v varchar(20)); "
               "alter table t add w int; truncate table t; create table t2 (id int primary key)", database)
    server.sql('drop database early')
    database = t.database(server, 'create table t (id int primary key, v varchar(20))', 'alter table t add w int',
                          "insert into t values (1, 'a', 1), (2, 'b', 2)", "update t set v = 'c' where id = 2", name='early')
    job = t.job(server, database, source__scan__startup__mode='earliest-offset')
    agent = job.catch_up(60, DONE)
    check('table-parked' not in agent.log(), 'a table was set aside: %s', agent.tail())
    lake.same(t, job, ['t'])
    server.sql("insert into t values (3, 'later', 3)", database)
    job.catch_up(60, DONE)
    lake.same(t, job, ['t'])
    # the first row that was read makes it count, over restarts too
    server.sql("drop table t; create table t (id int primary key, v varchar(20), w int); insert into t values (7, 'again', 7)", database)
    agent = job.catch_up(60, HUMAN)
    check('dropped the table' in agent.log() and 'early.t' in agent.log(), 'the reason is not said: %s', agent.tail())
    # and so it is in one go
    other = t.job(server, database, name='in-one-go', warehouse=os.path.join(t.work, 'lake-2'), source__scan__startup__mode='earliest-offset')
    agent = other.catch_up(60, HUMAN)
    check('dropped the table' in agent.log(), 'the reason is not said: %s', agent.tail())


@each('late_table', ('mariadb-11.8', 'mysql-8.0'), seconds=90, servers=lambda v: (v,))
def late_table(t, kind):
    """A table that was made, altered and filled while the job rested is copied as it is: what the log says of its past is passed."""
    server = t.server(kind)
    database = t.database(server, 'create table a (id int primary key)', 'insert into a values (1)')
    job = t.job(server, database)
    job.catch_up()
    server.sql("create table b (id int primary key); insert into b values (1); alter table b add v varchar(9); insert into b values (2, 'x'); "
               'insert into a values (2)', database)
    agent = job.catch_up(60, DONE)
    check('table-parked' not in agent.log(), 'a table was set aside: %s', agent.tail())
    lake.same(t, job, ['a', 'b'])
    server.sql("update b set v = 'y'; insert into a values (3)", database)
    job.catch_up(60, DONE)
    lake.same(t, job, ['a', 'b'])


@each('tls', KINDS, seconds=120)
def tls(t, kind):
    """ssl-mode with the right authority: copied and streamed rows; with another one, or for another name: refused before any row."""
    own = os.path.join(t.work, 'certificates')
    os.makedirs(own)
    subprocess.run(['bash', '-c', '. "$1"; tls_files "$2"', '-', os.path.join(TESTS_DIR, 'servers', 'server.sh'), own], check=True)
    ca, wrong = os.path.join(own, 'ca.pem'), os.path.join(t.work, 'wrong.pem')
    server = t.server(kind, *(['--ssl'] if kind.startswith('mariadb') else []), '--ssl-ca=' + ca, '--ssl-cert=' + os.path.join(own, 'cert.pem'),
                      '--ssl-key=' + os.path.join(own, 'key.pem'), private=True)
    database = t.database(server, 'create table t (id int primary key, v varchar(20))', "insert into t values (1, 'copied')")
    for host, in server.sql("select host from mysql.user where user = 'inlet'"):
        server.sql("alter user inlet@'%s' require ssl" % host)
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
                    '/CN=inlet test CA', '-keyout', os.path.join(t.work, 'wrong.key'), '-out', wrong], check=True, capture_output=True)
    for n, (mode, authority, host) in enumerate((('VERIFY_CA', wrong, '127.0.0.1'), ('VERIFY_IDENTITY', wrong, 'localhost'),
                                                 ('VERIFY_IDENTITY', ca, '127.1'))):
        job = t.job(server, database, name='refused-%d' % n, warehouse=os.path.join(t.work, 'refused'))
        job.put('source', 'ssl-mode', mode).put('source', 'ssl-ca', authority).put('source', 'hostname', host)
        agent = job.catch_up(30, USAGE)
        check(re.search('certificate|verif|match', agent.log(), re.I), '%s with %s for %s: %s', mode, authority, host, agent.tail())
        check(PASSWORD not in agent.log(), 'the password is in the log')
        check(not os.path.exists(os.path.join(job.warehouse, database + '.db')), 'a refused job made tables')
    plain = t.job(server, database, name='plain').put('source', 'ssl-mode', 'DISABLED')
    plain.catch_up(30, (USAGE, HUMAN))
    for n, (mode, host) in enumerate((('REQUIRED', '127.0.0.1'), ('VERIFY_CA', '127.0.0.1'), ('VERIFY_IDENTITY', 'localhost'))):
        job = t.job(server, database, name='good-%d' % n, warehouse=os.path.join(t.work, 'lake-%d' % n))
        job.put('source', 'ssl-mode', mode).put('source', 'hostname', host)
        if mode != 'REQUIRED':
            job.put('source', 'ssl-ca', ca)
        job.catch_up()
        lake.same(t, job, ['t'], engines=('java',))
        server.sql("insert into t values (%d, 'streamed'); update t set v = 'changed %d' where id = 1" % (10 + n, n), database)
        job.catch_up()
        lake.same(t, job, ['t'])


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
