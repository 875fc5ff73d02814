"""Changelogs that compactions make: old and new row of every key that changed, whatever is killed."""
import time

from house import lake, traffic
from house.agent import until
from house.registry import check, each
from house.server import ANY

KINDS = {
    'lookup': {'changelog-producer': 'lookup'},
    'lookup_parquet': {'changelog-producer': 'lookup', 'file.format': 'parquet', 'bucket': 1},
    'lookup_distinct': {'changelog-producer': 'lookup', 'changelog-producer.row-deduplicate': 'true'},
    'full': {'changelog-producer': 'full-compaction', 'bucket': 1},
    'full_every_third': {'changelog-producer': 'full-compaction', 'full-compaction.delta-commits': 3},
}


@each('made', KINDS, seconds=150, servers=lambda _: (ANY,))
def made(t, kind):
    """Copied under work, streamed, killed and gone on: the changelog gives the table, with right old images, and each id of a table
    that is only inserted into is in it once."""
    server = t.server(ANY)
    database = t.database(server)
    traffic.Traffic(t.seed, server, database).create(800)
    working, _ = traffic.writers(t, server, database, 1, 0.01)
    job = t.job(server, database, pipeline__checkpoint__interval='200ms', source__scan__incremental__snapshot__chunk__size=200)
    for name, value in {'num-sorted-run.compaction-trigger': 3, **KINDS[kind]}.items():
        job.put('sink', 'table.properties.' + name, value)
    view = lake.Lake(job.warehouse)
    for n in range(4):
        agent = job.start()
        if n == 0:
            until(60, 'the copy', lambda: agent.log().count('event=copy-done') == len(traffic.TABLES), agent)
        time.sleep(1.5)
        agent.kill() if n < 3 else agent.stop()
    for w in working:
        w.stop()
    job.catch_up(90)
    lake.same(t, job, traffic.TABLES, replay=True)
    view.insert_only(database + '.audit')
    check(any(c['k'] == '-U' for c in view.changelog(database + '.customers')), 'no update in the changelog')
