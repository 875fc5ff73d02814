"""A table that grows in place, under changes to its old rows: memory, files and contents. INLET_TEST_LONG=1: to 20 million rows."""
import json
import os
import subprocess
import zlib

from house import lake
from house.agent import until
from house.registry import check, each

LONG = bool(os.environ.get('INLET_TEST_LONG'))
STEPS, STEP = (200, 100000) if LONG else (12, 50000)
MEMORY = 64  # MiB
COLUMNS = 'id, name, v'
DIGITS = 'select a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n n from digits a, digits b, digits c, digits d, digits e'


def source_digest(s, table):
    return tuple(int(x) for x in s.run('select count(*), sum(v), bit_xor(crc32(concat_ws(\'|\', %s))) from %s' % (COLUMNS, table))[0])


def ours(t, job, verb, table):
    out = subprocess.run([t.binary, 'table', verb, job.warehouse, table], capture_output=True, text=True, check=True).stdout
    return json.loads(out)


def lake_digest(t, job, table):
    """The same of what inlet reads."""
    rows = total = crc = 0
    with subprocess.Popen([t.binary, 'table', 'read', '--unsorted', job.warehouse, table], stdout=subprocess.PIPE) as reader:
        for line in reader.stdout:
            row = json.loads(line)
            rows += 1
            total += row['v']
            crc ^= zlib.crc32(('%d|%s|%d' % (row['id'], row['name'], row['v'])).encode())
    check(reader.returncode == 0, 'table read: exit code %d', reader.returncode)
    return rows, total, crc


@each('in_place', ('avro', 'parquet'), seconds=3600 if LONG else 150, servers=lambda v: ('mariadb-11.8',))
def in_place(t, file_format):
    """New rows, updates and deletes of old ones, all the time: resident memory stays near the budget, files few, every row right."""
    server = t.server('mariadb-11.8')
    database = t.database(server, 'create table digits (n int)', 'insert into digits values (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)',
                          'create table t (id int primary key, name varchar(60) not null, v bigint not null)')
    job = t.job(server, database, pipeline__memory='%dMiB' % MEMORY, pipeline__checkpoint__interval='1s',
                source__tables=database + '.t')
    job.put('sink', 'table.properties.file.format', file_format)
    agent = job.start()
    view = lake.Lake(job.warehouse)
    table = database + '.t'
    with server.session(database) as s:
        for i in range(STEPS):
            s.run("insert into t select %d + n, concat('row ', n * 7919 %% 100003, ' of step %d'), n from (%s) x where n < %d"
                  % (i * STEP, i, DIGITS, STEP))
            s.run('update t set v = v + 1000000, name = reverse(name) where id between %d and %d and id %% 3 = 1'
                  % ((i * 7919 % (i + 1)) * STEP, (i * 7919 % (i + 1)) * STEP + STEP // 5))
            s.run('delete from t where id between %d and %d and id %% 11 = 5' % ((i // 2) * STEP, (i // 2) * STEP + STEP // 20))
        wanted = source_digest(s, 't')
    until(1800 if LONG else 60, 'the last changes', lambda: view.exists(table) and ours(t, job, 'count', table)['rows'] == wanted[0], agent)
    peak = agent.peak()
    agent.stop(30)
    job.catch_up(600)
    files = [json.loads(x) for x in view.judge('files', table)[1]]
    t.say('%d rows, %d files, %d MiB at most' % (wanted[0], len(files), peak >> 20))
    check(peak < 3 * MEMORY << 20, 'resident memory rose to %d MiB with memory: %d MiB', peak >> 20, MEMORY)
    check(len(files) <= 2 * (8 + 5) + sum(f['file_size_in_bytes'] for f in files) // (64 << 20), '%d live data files', len(files))
    got = lake_digest(t, job, table)
    check(got == wanted, 'the lake has %s, the source %s', got, wanted)
    judged, mine = json.loads(view.judge('checksum', table, seconds=1200)[1][0]), ours(t, job, 'checksum', table)
    check(judged == mine, 'Java reads %s, inlet %s', judged, mine)
