"""Seeded random work on a database: the same seed gives the same statements.

Four tables: customers (wide, integer key), lines (composite key), codes (text key whose letters are equal regardless of case),
audit (rows are only ever inserted, each id once). Transactions span tables, hold several rows a statement, change keys, and some
are rolled back."""
import random

from .server import SqlError, quote

TABLES = ['customers', 'lines', 'codes', 'audit']
SCHEMA = [
    """create table customers (id bigint not null primary key comment 'who', name varchar(60) comment 'as they sign', balance decimal(12,2),
       note text, born date, changed timestamp(3) null) comment 'who buys'""",
    """create table `lines` (order_id int not null, line_no smallint not null, sku varchar(20), quantity int, price double,
       primary key (order_id, line_no))""",
    'create table codes (code varchar(30) not null primary key, value bigint unsigned, at datetime(6), raw varbinary(40))',
    'create table audit (id bigint not null primary key, who int, what varchar(60))']
SPACE = 4000  # keys are drawn from so many
LOST = (1205, 1213, 1062, 1022, 1020)  # lock waits, deadlocks, keys that are taken: the transaction is rolled back


class Traffic:
    def __init__(self, seed, server, database, lane=0):
        self.random = random.Random('traffic %s %d' % (seed, lane))
        self.server, self.database, self.lane = server, database, lane
        self.audited = lane * 10**9
        self.transactions = self.lost = 0

    def create(self, rows):
        """The tables, with about so many rows in each."""
        with self.server.session(self.database) as s:
            s.run(';'.join(SCHEMA))
            for table, maker in (('customers', self.customer), ('`lines`', self.line), ('codes', self.code)):
                for start in range(0, rows, 1000):
                    values = [maker(i) for i in range(start, min(rows, start + 1000))]
                    s.run('insert into %s values %s' % (table, ','.join(values)))
            for start in range(0, rows, 1000):
                s.run('insert into audit values %s' % ','.join("(%d,0,'made')" % -(i + 1) for i in range(start, min(rows, start + 1000))))

    def word(self):
        r = self.random
        return ''.join(r.choice(('al', 'be', 'Ço', 'du', 'ël', 'fi', '中', 'ha', "o'", 'x"', '\\', ' ', '😀')) for _ in range(r.randrange(1, 9)))

    def customer(self, key):
        r = self.random
        return "(%d,%s,%d.%02d,%s,'%04d-%02d-%02d','2024-%02d-%02d %02d:%02d:%02d.%03d')" % (
            key, quote(self.word()), r.randrange(-10**6, 10**9), r.randrange(100),
            'null' if r.random() < 0.2 else quote(self.word() * r.choice((1, 1, 1, 30))), r.randrange(1900, 2020), r.randrange(1, 13),
            r.randrange(1, 29), r.randrange(1, 13), r.randrange(1, 29), r.randrange(24), r.randrange(60), r.randrange(60), r.randrange(1000))

    def line(self, key):
        r = self.random
        return "(%d,%d,'sku-%d',%d,%r)" % (key // 7, key % 7, r.randrange(1000), r.randrange(-5, 100), r.randrange(10**6) / 64)

    def code(self, key):
        r = self.random
        return "(%s,%d,'20%02d-01-01 00:00:00.%06d',x'%s')" % (
            quote(self.spell(key)), r.randrange(2**64), r.randrange(100), r.randrange(10**6), '%02x' % r.randrange(256) * r.randrange(0, 20))

    def spell(self, key):
        """Equal for the server whatever the case: an update of the case alone is a change of key for the lake."""
        word = 'Code-é-%d' % key
        return word.upper() if self.random.random() < 0.3 else word

    def statement(self):
        r = self.random
        kind, table = r.random(), r.choice(('customers', '`lines`', 'codes'))
        maker = {'customers': self.customer, '`lines`': self.line, 'codes': self.code}[table]
        key = r.randrange(SPACE)
        keys = [r.randrange(SPACE) for _ in range(r.choice((1, 1, 2, 5, 20)))]
        if kind < 0.25:
            self.audited += 1
            return "insert into audit values (%d,%d,%s)" % (self.audited, key, quote(self.word()))
        if kind < 0.45:
            return 'replace into %s values %s' % (table, ','.join(maker(k) for k in sorted(set(keys))))
        if kind < 0.65:
            change = {'customers': 'balance = balance + 1.25, changed = now(3)', '`lines`': 'quantity = quantity + 1',
                      'codes': 'value = crc32(code) + %d' % key}[table]
            where = {'customers': 'id between %d and %d' % (key, key + len(keys)), '`lines`': 'order_id = %d' % (key // 7),
                     'codes': 'code in (%s)' % ','.join(quote('code-é-%d' % k) for k in keys)}[table]
            return 'update %s set %s where %s' % (table, change, where)
        if kind < 0.75:  # keys change
            other = r.randrange(SPACE)
            return {'customers': 'update ignore customers set id = %d, note = null where id = %d' % (other, key),
                    '`lines`': 'update ignore `lines` set order_id = %d, line_no = %d where order_id = %d and line_no = %d' % (
                        other // 7, other % 7, key // 7, key % 7),
                    'codes': 'update ignore codes set code = %s where code = %s' % (quote(self.spell(r.choice((key, other)))),
                                                                                   quote('code-é-%d' % key))}[table]
        if kind < 0.9:
            return 'delete from %s where %s' % (table, {
                'customers': 'id in (%s)' % ','.join(map(str, keys)), '`lines`': 'order_id in (%s)' % ','.join(str(k // 7) for k in keys[:2]),
                'codes': 'code = %s' % quote('CODE-é-%d' % key)}[table])
        return 'insert into %s values %s on duplicate key update %s' % (
            table, maker(key), {'customers': 'name = values(name)', '`lines`': 'price = values(price)', 'codes': 'raw = values(raw)'}[table])

    def transaction(self, session):
        size = self.random.choice((1, 1, 2, 3, 8))
        statements = [self.statement() for _ in range(size)]
        end = 'rollback' if self.random.random() < 0.12 else 'commit'
        if size == 1 and end == 'commit':
            text = statements[0]
        else:
            text = 'begin;' + ';'.join(statements) + ';' + end
        try:
            session.run(text)
        except SqlError as e:
            if e.code not in LOST:
                raise
            self.lost += 1
            session.run('rollback')
        self.transactions += 1

    def run(self, event, pause=0.0):
        """Works until the event."""
        with self.server.session(self.database) as s:
            s.run('set session innodb_lock_wait_timeout=5')
            while not event.wait(pause):
                self.transaction(s)


def writers(t, server, database, count=2, pause=0.0):
    """So many writers in the background; stop() each."""
    made = [Traffic(t.seed, server, database, lane + 1) for lane in range(count)]
    return [t.background(lambda event, w=w: w.run(event, pause)) for w in made], made
