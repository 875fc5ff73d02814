"""A lake that is damaged, newer than we are, not writable, or full: said clearly with the place; the other tables are unharmed."""
import glob
import json
import os
import shutil
import subprocess
import time

from house import lake
from house.agent import ASIDE, DONE, HUMAN, RETRY, USAGE, command, until
from house.registry import check, each, test
from house.server import ANY


def start(t, seconds_interval='200ms'):
    server = t.server(ANY)
    database = t.database(server, *['create table %s (id int primary key, v varchar(40))' % n for n in ('hurt', 'well')],
                          *["insert into %s values (1,'a'),(2,'b'),(3,'c')" % n for n in ('hurt', 'well')])
    job = t.job(server, database, pipeline__checkpoint__interval=seconds_interval)
    job.catch_up()
    change(server, database, 1)
    job.catch_up()
    return server, job, lake.Lake(job.warehouse), database


def change(server, database, i):
    server.sql("update hurt set v = 'x%d' where id = 1; update well set v = 'y%d' where id = 2; insert into hurt values (%d, 'n'); "
               "insert into well values (%d, 'n')" % (i, i, 100 + i, 100 + i), database)


def edit(path, function):
    with open(path, 'rb') as f:
        data = f.read()
    with open(path, 'wb') as f:
        f.write(function(data))


def newest(folder, pattern):
    return max(glob.glob(os.path.join(folder, pattern)), key=os.path.getmtime)


def newer(key):
    def change_version(data):
        j = json.loads(data)
        j[key] = 99
        return json.dumps(j).encode()
    return change_version


def middle(data):
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 0xff]) + data[at + 1:]


DAMAGE = {  # name: (file, change, does a run notice it at once)
    'snapshot_cut': ('snapshot/snapshot-*', lambda d: d[:len(d) // 2], True),
    'snapshot_empty': ('snapshot/snapshot-*', lambda d: b'', True),
    'snapshot_rubbish': ('snapshot/snapshot-*', lambda d: b'\xff' * 300, True),
    'snapshot_newer': ('snapshot/snapshot-*', newer('version'), True),
    'schema_cut': ('schema/schema-0', lambda d: d[:40], True),
    'schema_newer': ('schema/schema-0', newer('version'), True),
    'manifest_cut': ('manifest/manifest-[0-9a-f]*', lambda d: d[:len(d) // 2], True),
    'manifest_bits': ('manifest/manifest-[0-9a-f]*', middle, True),
    'manifest_list_cut': ('manifest/manifest-list-*', lambda d: d[:len(d) // 2], True),
    'data_cut': ('bucket-*/data-*', lambda d: d[:len(d) // 2], False),
    'data_bits': ('bucket-*/data-*', middle, False),
    'data_empty': ('bucket-*/data-*', lambda d: b'', False),
}


@each('damaged', list(DAMAGE), seconds=60, servers=lambda v: (ANY,))
def damaged(t, what):
    """A damaged file stops its table by name and place; reading it back fails by name; the other table goes on."""
    server, job, view, database = start(t)
    pattern, function, noticed = DAMAGE[what]
    folder = lake.table_file(job.warehouse, database, 'hurt')
    for path in glob.glob(os.path.join(folder, pattern)) if not what.startswith(('snapshot', 'schema')) else [newest(folder, pattern)]:
        edit(path, function)
    code, out, err = command(t, 'table', 'read', job.warehouse, database + '.hurt')
    check(code not in (DONE,) and 'hurt' in err and os.path.basename(pattern).split('-')[0] in err,
          'table read of a damaged table: %d %s%s', code, out, err)
    change(server, database, 2)
    agent = job.start('--until-caught-up')
    code = agent.wait(30, (ASIDE,) if noticed else (ASIDE, DONE))
    if code == ASIDE:
        check('hurt' in agent.log(), 'the table is not named:\n%s', agent.tail())
    lake.same(t, job, ['well'], engines=('java',))


@test(seconds=60, servers=(ANY,))
def missing_files(t):
    """Files that are gone: named; the other table goes on."""
    server, job, view, database = start(t)
    for path in glob.glob(lake.table_file(job.warehouse, database, 'hurt', 'manifest', '*')):
        os.unlink(path)
    change(server, database, 2)
    agent = job.catch_up(30, ASIDE)
    check('hurt' in agent.log() and 'manifest' in agent.log(), 'the place is not named:\n%s', agent.tail())
    lake.same(t, job, ['well'], engines=('java',))


@test(seconds=60, servers=(ANY,))
def own_files(t):
    """Damaged files of the job's own folder: said with their name, never taken for an empty state."""
    server, job, view, database = start(t)
    state = os.path.join(job.warehouse, '_inlet', job.name)
    check(os.path.isdir(state), 'no folder %s', state)
    for path in glob.glob(os.path.join(state, 'checkpoint-*')):
        edit(path, lambda d: d[:len(d) // 3])
    change(server, database, 2)
    agent = job.start('--until-caught-up')
    code = agent.wait(30, (DONE, HUMAN, RETRY))
    if code != DONE:
        check('checkpoint' in agent.log(), 'the file is not named:\n%s', agent.tail())
    else:
        lake.same(t, job, ['hurt', 'well'])


@test(seconds=60, servers=(ANY,))
def unwritable(t):
    """A warehouse that cannot be written or made: named, exit code 2 or 5 without trying for ever."""
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key)', 'insert into t values (1)')
    flat = os.path.join(t.work, 'file')
    with open(flat, 'w', encoding='utf-8') as f:
        f.write('no folder')
    for place in (flat, flat + '/below', '/proc/lake', '/sys/kernel/lake'):
        job = t.job(server, database, warehouse=place)
        agent = job.start('--until-caught-up')
        agent.wait(20, (USAGE, HUMAN, RETRY))
        check(place in agent.log(), 'the place is not named:\n%s', agent.tail())


@test(seconds=90, servers=(ANY,))
def full_disk(t):
    """The lake's disk is full: nothing half-written, inlet waits; when there is room again it goes on by itself."""
    t.root()
    server = t.server(ANY)
    database = t.database(server, 'create table t (id int primary key, v varbinary(2000))', 'insert into t values (0, null)')
    disk = os.path.join(t.work, 'disk')
    os.makedirs(disk)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], check=True)
    try:
        job = t.job(server, database, warehouse=os.path.join(disk, 'lake'), pipeline__checkpoint__interval='200ms')
        view = lake.Lake(job.warehouse)
        agent = job.start()
        until(20, 'the first copy', lambda: view.latest(database + '.t'), agent)
        with server.session(database) as s:
            for i in range(1, 60):
                s.run('insert into t values ' + ','.join('(%d, random_bytes(1000))' % (i * 100 + k) for k in range(20)))
        agent.wait_log(r'[Nn]o space left', 30)
        check(len(agent.log().splitlines()) < 200, 'noisy while it waits')
        view.verify(database + '.t', orphans=True)
        subprocess.run(['mount', '-o', 'remount,size=64m', disk], check=True)
        until(40, 'inlet to go on', lambda: view.count(database + '.t') == 59 * 20 + 1, agent)
        agent.stop()
        job.catch_up()
        lake.same(t, job, ['t'])
    finally:
        subprocess.run(['umount', '-l', disk], check=False)


@test(seconds=60, servers=(ANY,))
def read_only_table(t):
    """A table's folder without the right to write (not as root): the table is named, the other goes on."""
    if os.geteuid() == 0:
        # root writes everywhere: an immutable folder is the nearest thing, where the file system knows it
        probe = os.path.join(t.work, 'probe')
        os.makedirs(probe)
        fixed = subprocess.run(['chattr', '+i', probe], capture_output=True, check=False).returncode == 0
        subprocess.run(['chattr', '-i', probe], capture_output=True, check=False)
        if not fixed:
            from house.registry import Skip
            raise Skip('root, and chattr +i does not work on this file system')
    server, job, view, database = start(t)
    folder = lake.table_file(job.warehouse, database, 'hurt', 'snapshot')
    root = os.geteuid() == 0
    subprocess.run(['chattr', '+i', folder] if root else ['chmod', '500', folder], check=True)
    try:
        change(server, database, 2)
        agent = job.start('--until-caught-up')
        agent.wait(30, (ASIDE, HUMAN, RETRY))
        check('hurt' in agent.log(), 'the table is not named:\n%s', agent.tail())
    finally:
        subprocess.run(['chattr', '-i', folder] if root else ['chmod', '700', folder], check=True)
    time.sleep(0.1)
    code = job.start('--until-caught-up').wait(30, (DONE, ASIDE))
    lake.same(t, job, ['well'] + ([] if code else ['hurt']), engines=('java',))


@test(seconds=30)
def no_lake(t):
    """Reading what is no table: refused by name."""
    shutil.copytree(os.path.dirname(__file__), os.path.join(t.work, 'lake', 'db.db', 'scripts'))
    code, out, err = command(t, 'table', 'read', os.path.join(t.work, 'lake'), 'db.scripts')
    check(code != DONE and 'scripts' in err and not out, 'reading a folder of scripts: %d %s%s', code, out, err)
