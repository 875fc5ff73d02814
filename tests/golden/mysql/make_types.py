#!/usr/bin/env python3
"""Records golden files from a real server: make_types.py NAME PORT DATADIR [SERVER_ERROR_LOG]

Writes into NAME/ beside this script (see README.md): the binlog, the catalog, the rows as the server prints them and
as its binary protocol sends them.
"""
import os
import sys

from wire import ServerError, Wire

HERE = os.path.dirname(os.path.abspath(__file__))
CATALOG = ("column_name, column_type, data_type, character_set_name, collation_name, extra, column_comment, is_nullable, "
           "character_maximum_length, character_octet_length, numeric_precision, numeric_scale, datetime_precision")


def q(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n").replace("\0", "\\0") + "'"


def x(data):
    return "x'" + data.hex() + "'" if data else "''"


def tables(server):
    """name -> [(column, type, [value as SQL])]; the first value missing in a column is NULL."""
    mariadb, old = server.startswith("mariadb"), server == "mysql-5.7"
    ints = []
    for name, bits in (("tinyint", 8), ("smallint", 16), ("mediumint", 24), ("int", 32), ("bigint", 64)):
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
        ints.append((name, name, [low, high, 0, -1, 1]))
        ints.append((name + "_u", name + " unsigned", [0, (1 << bits) - 1, 1 << bits - 1, 1, 7]))
    numbers = ints + [
        ("year", "year", [0, 1901, 2155, 2026, 1970]),
        ("zerofill", "int(8) zerofill", [0, 4294967295, 42]),
        ("flag", "tinyint(1)", [0, 1, -1, 2]),
        ("flag_bool", "boolean", [1, 0]),
        ("float_", "float", ["0", "-0.0", "3.4028234e38", "-1.17549435e-38", "0.1"]),
        ("float_u", "float(10,2) unsigned", ["0", "12345.67", "99999999.99"]),
        ("double_", "double", ["0", "1.7976931348623157e308", "-2.2250738585072014e-308", "0.1", "123456789.123456789"]),
        ("float_p", "float(30)", ["1.25", "0.1"]),
        ("dec_10_2", "decimal(10,2)", ["0", "-0.01", "99999999.99", "-99999999.99", "1234.5"]),
        ("dec_5_0", "decimal(5)", ["99999", "-99999", "0", "7"]),
        ("dec_18_18", "decimal(18,18)", ["0.999999999999999999", "-0.000000000000000001", "0"]),
        ("dec_19_9", "decimal(19,9)", ["9999999999.999999999", "-1.000000001", "0", "-9999999999.999999999"]),
        ("dec_38_10", "decimal(38,10)", ["9999999999999999999999999999.9999999999", "-0.0000000001", "123"]),
        ("dec_38_0", "decimal(38,0)", ["99999999999999999999999999999999999999", "-99999999999999999999999999999999999999", "0"]),
        ("dec_65_30", "decimal(65,30)", ["99999999999999999999999999999999999.999999999999999999999999999999", "-0.000000000000000000000000000001",
                                         "0", "-12345678901234567890.5"]),
        ("dec_65_0", "decimal(65,0) zerofill", ["9" * 65, "0", "42"]),
        ("dec_u", "decimal(12,4) unsigned zerofill", ["12345678.1234", "0", "0.5"]),
        ("bit_1", "bit(1)", ["b'0'", "b'1'"]),
        ("bit_8", "bit(8)", ["b'0'", "b'11111111'", "b'101'"]),
        ("bit_9", "bit(9)", ["b'0'", "b'111111111'", "b'101'"]),
        ("bit_33", "bit(33)", ["1", "0x1FFFFFFFF", "0"]),
        ("bit_64", "bit(64)", ["0", "0xFFFFFFFFFFFFFFFF", "0x8000000000000001", "1"]),
    ]
    times = [("date_", "date", [q(v) for v in ("1970-01-01", "9999-12-31", "0001-01-01", "1969-12-31", "2024-02-29", "0000-00-00", "2024-00-10",
                                              "2024-05-00", "1000-01-01")]),
             ("date_nn", "date not null", [q(v) for v in ("2001-02-03", "0000-00-00")])]
    for p in range(7):
        frac = lambda d: "." + (d * 6)[:p] if p else ""
        times.append((f"time_{p}", f"time({p})", [q("00:00:00"), q("23:59:59" + frac("9")), q("00:00:01" + frac("05")), q("12:34:56" + frac("123456"))]))
        times.append((f"datetime_{p}", f"datetime({p})", [q("1970-01-01 00:00:00"), q("9999-12-31 23:59:59" + frac("4")), q("1969-12-31 23:59:59" + frac("5")),
                                                         q("1000-01-01 00:00:00" + frac("01")), q("0000-00-00 00:00:00"), q("2024-02-29 12:34:56" + frac("123456"))]))
        times.append((f"timestamp_{p}", f"timestamp({p}) null", [q("1970-01-01 00:00:01"), q("2038-01-19 03:14:07" + frac("9") if p < 1 else "2038-01-19 03:14:06" + frac("9")),
                                                                 q("2001-09-09 01:46:40" + frac("05")), q("0000-00-00 00:00:00"), q("2024-02-29 12:34:56" + frac("123456"))]))
    times.append(("timestamp_nn", "timestamp not null default '2001-01-01 00:00:00'", [q("2024-01-01 00:00:00"), q("0000-00-00 00:00:00")]))
    spans = []
    for p in range(7):
        frac = lambda d: "." + (d * 6)[:p] if p else ""
        spans.append((f"time_{p}", f"time({p})", [q("-838:59:59"), q("838:59:59"), q("-00:00:01" + frac("5")), q("24:00:00"), q("-00:00:00" + frac("1")),
                                                  q("100:00:00" + frac("01"))]))
    words = ["", "abc", "Ünïcödé €", "中文字符", "a" * 60, "O'Neil \\ \"x\"\n\t\0", "ｶﾅ ひらがな"]
    def text(charset, values, kind, suffix=""):
        return (f"{charset}_{kind.split('(')[0]}{suffix}", f"{kind} character set {charset}",
                [f"convert({q(v)} using {charset})" if v else "''" for v in values])
    texts = [
        text("utf8mb4", words + ["emoji 😀", "  padded  "], "varchar(100)"), text("utf8mb4", words + ["emoji 😀"], "char(70)"),
        text("utf8mb4", words + ["𝄞"], "text"), text("utf8" if old else "utf8mb3", words, "varchar(80)"),
        text("latin1", ["", "abc", "Ünïcödé € œŸ", "ÿ", "a" * 60], "varchar(100)"), text("latin1", ["", "é"], "char(10)"),
        ("latin1_all", "varbinary(256)", [x(bytes(range(256)))]),
        ("latin1_odd", "varchar(10) character set latin1", ["x'818d8f909d'", "x'80'"]),
        text("ascii", ["", "abc ~"], "varchar(300)"),
        text("gbk", ["", "abc", "中文字符 €"[:4], "混合 mixed 字"], "varchar(100)"), text("gbk", ["字", ""], "char(5)"),
        text("gb2312", ["中文", "a"], "varchar(20)"), text("big5", ["中文字", "a", "兀"], "varchar(20)"),
        text("sjis", ["ひらがな ｶﾅ \\ ~", "a"], "varchar(20)"), text("cp932", ["①ひら ｶﾅ", "a"], "varchar(20)"),
        text("ujis", ["ひらがな 漢字 ｶﾅ", "a"], "varchar(20)"), text("eucjpms", ["①漢字", "a"], "varchar(20)"),
        text("euckr", ["한국어 똠", "a"], "varchar(20)"), text("ucs2", ["", "abc", "中 é"], "varchar(20)"),
        text("utf16", ["", "abc", "中 é 😀"], "varchar(20)"), text("utf16", ["text 😀", ""], "text", "_t"),
        text("utf16le", ["", "abc", "中 é 😀"], "varchar(20)"), text("utf32", ["", "abc", "中 é 😀"], "char(20)"),
        text("latin2", ["Łódź"], "varchar(20)"), text("latin5", ["İğ"], "varchar(20)"), text("latin7", ["Žąę"], "varchar(20)"),
        text("cp1250", ["Łódź €"], "varchar(20)"), text("cp1251", ["Привет €"], "varchar(20)"), text("cp1256", ["سلام"], "varchar(20)"),
        text("cp1257", ["Žąę"], "varchar(20)"), text("koi8r", ["Привет"], "varchar(20)"), text("koi8u", ["Їжак"], "varchar(20)"),
        text("greek", ["Ελλάδα"], "varchar(20)"), text("hebrew", ["שלום"], "varchar(20)"), text("tis620", ["ไทย"], "varchar(20)"),
        text("swe7", ["Åäö"], "varchar(20)"), text("cp850", ["éß"], "varchar(20)"), text("cp866", ["Привет"], "varchar(20)"),
        text("macroman", ["éß"], "varchar(20)"), text("armscii8", ["Հայ"], "varchar(20)"), text("geostd8", ["ქა"], "varchar(20)"),
        text("utf8mb4", ["t", ""], "tinytext"), text("latin1", ["é" * 300, ""], "mediumtext"), text("gbk", ["字" * 200, ""], "longtext"),
        ("varchar_0", "varchar(0)", ["''"]), ("char_0", "char(0)", ["''"]),
        ("char_255", "char(255) character set utf8mb4", [q("x" * 255), q("é" * 200)]),
    ]
    if not mariadb:
        texts.append(text("gb18030", ["", "中文😀 ẏ", "a"], "varchar(100)"))
    blobs = [
        ("binary_8", "binary(8)", ["''", x(b"\0\0\0\0\0\0\0\0"), x(b"ab\0\0"), x(b"\xff" * 8), x(b"ab  ")]),
        ("binary_255", "binary(255)", ["''", x(bytes(range(255)))]),
        ("varbinary_20", "varbinary(20)", ["''", x(b"\0\0"), x(b"a\0"), x(b"\xff\xfe")]),
        ("varbinary_300", "varbinary(300)", ["''", x(bytes(range(256)))]),
        ("tinyblob_", "tinyblob", ["''", x(bytes(255))]), ("blob_", "blob", ["''", x(bytes(range(256)) * 2), x(b"\0")]),
        ("mediumblob_", "mediumblob", ["''", x(b"m" * 1000)]), ("longblob_", "longblob", ["''", "repeat('long', 5000)"]),
        ("binary_1", "binary(1)", ["''", "x'00'", "x'61'"]),
    ]
    many = [f"m{i}" for i in range(300)]
    odd = ["", "a,b"[:1], "it''s", "back\\\\slash", "new\\nline", "Ünï", "(x)", "'' , ''", "中文"]
    enums = [
        ("enum_small", "enum('a','b','c') character set utf8mb4", ["'a'", "'c'", "''"]),
        ("enum_odd", "enum(%s) character set utf8mb4" % ",".join("'%s'" % o for o in odd), ["'%s'" % o for o in odd]),
        ("enum_latin1", "enum('é','ü','plain') character set latin1", ["'é'", "'ü'", "'plain'"]),
        ("enum_gbk", "enum('中','文') character set gbk", ["'中'", "'文'"]),
        ("enum_many", "enum(%s)" % ",".join(q(m) for m in many), ["'m0'", "'m254'", "'m255'", "'m256'", "'m299'"]),
        ("set_small", "set('a','b','c') character set utf8mb4", ["''", "'a'", "'b,c'", "'a,b,c'"]),
        ("set_latin1", "set('é','ü') character set latin1", ["'é'", "'é,ü'", "''"]),
        ("set_9", "set(%s)" % ",".join(q(m) for m in many[:9]), ["'m8'", "'m0,m7'", "''"]),
        ("set_64", "set(%s)" % ",".join(q(m) for m in many[:64]), ["'m63'", "'m0,m31,m32,m63'", "''", "'%s'" % ",".join(many[:64])]),
    ]
    found = {"numbers": numbers, "times": times, "spans": spans, "texts": texts, "blobs": blobs, "enums": enums,
             "wide": [(f"c{i}", "int" if i % 2 else "varchar(10)", [str(i) if i % 3 else "null", "null" if i % 5 else f"{-i}"]) for i in range(300)]}
    if mariadb:
        found["mariadb"] = [
            ("uuid_", "uuid", ["'123e4567-e89b-12d3-a456-426655440000'", "'ffffffff-ffff-7fff-bfff-ffffffffff00'", "'00000000-0000-0000-0000-000000000000'",
                               "'0189ab00-2000-7000-8000-202020202020'"]),
            ("inet6_", "inet6", ["'::'", "'::1'", "'2001:db8::ff00:42:8329'", "'::ffff:192.0.2.128'", "'::1.2.3.4'", "'fe80:0:0:1::'", "'1:0:0:2:0:0:0:3'",
                                 "'1:2:3:4:5:6:7:8'", "'2001:db8:0:1:1:1:1:1'", "'::ffff:0:0'", "'2020:2020:2020:2020:2020:2020:2020:2020'", "'0:0:0:0:0:0:1:0'"]),
            ("inet4_", "inet4", ["'0.0.0.0'", "'255.255.255.255'", "'10.0.0.1'", "'32.32.32.32'", "'1.2.3.0'"]),
            ("json_", "json", ["'{\"b\": 1,\"a\":[1, 2]}'", "'null'"]),
            ("invisible_", "int invisible", ["5"]),
            ("packed_blob", "blob compressed", ["''", "repeat('compress me ', 200)", "'short'", "repeat('x', 60000)"]),
            ("packed_text", "varchar(1000) compressed character set latin1", ["''", "repeat('é', 500)", "'é'"]),
            ("packed_utf16", "text compressed character set utf16", ["repeat('中', 400)", "'a'"]),
            ("virtual_", "int as (id * 2) virtual", []), ("stored_", "varchar(20) as (concat('s', id)) stored", []),
        ]
        if server != "mariadb-10.11":
            found["mariadb"].append(("vector_", "vector(3)", ["vec_fromtext('[1,-2.5,3e10]')", "vec_fromtext('[0,0,0]')"]))
    elif not old:
        found["mysql"] = [("invisible_", "int invisible", ["5"]), ("virtual_", "int as (id * 2) virtual", []),
                          ("stored_", "varchar(20) as (concat('s', id)) stored", [])]
        if server == "mysql-9.7":
            found["mysql"].append(("vector_", "vector(3)", ["string_to_vector('[1,-2.5,3e10]')", "string_to_vector('[0,0,0]')"]))
            found["mysql"].append(("vector_d", "vector", ["string_to_vector('[1]')"]))
    if not mariadb:
        deep = "[" * 99 + "1" + "]" * 99
        found["json"] = [("json_", "json", [q(v) for v in (
            "null", "true", "false", "0", "-1", "32767", "-32768", "32768", "65535", "65536", "2147483648", "-2147483649", "4294967296", "9223372036854775807",
            "-9223372036854775808", "18446744073709551615", "18446744073709551616", "1.0", "-0.0", "1e20", "1e15", "1e14", "123456789012345680000.0", "1.5e-10", "1e-5", "0.1",
            "1e-14", "1e-15", "1.7976931348623157e308", "5e-324", "2.2250738585072014e-308", "0.30000000000000004", "999999999999999.9", "1e16", "12345678901234567.0", '""', '"abc"',
            '"quote \\" backslash \\\\ slash / \\b\\f\\n\\r\\t \\u0001 \\u001f \\u007f é 😀"', "[]", "{}", "[1, 2, 3]", '{"b": 1, "a": 2, "aa": 3, "": 4}',
            '{"nested": {"deep": [1, {"x": null}, [true, false]]}, "s": "t"}', '[70000, -70000, 1.5, "x", null, 5000000000]', deep,
            '{"k\\"ey": "v\\nal"}')] +
            ["cast(x'00ff10' as json)", "cast(cast(x'%s' as char(100) character set binary) as json)" % ("ab" * 100)][:0] +
            ["json_array(cast(1.50 as decimal(10,2)), cast(-0.00001 as decimal(20,5)), cast('12345678901234567890.123' as decimal(65,30)))",
             "json_object('d', cast('2024-02-29' as date), 't', cast('-12:34:56.5' as time(1)), 'dt', cast('2024-02-29 12:34:56.123456' as datetime(6)))",
             "json_array(cast('838:59:59' as time), cast('0000-00-00' as date), timestamp'2024-01-01 00:00:00')",
             "json_array(x'00ff10', x'%s', b'101')" % ("ab" * 100),
             "json_object('k1', repeat('x', 200), 'k2', repeat('y', 20000), 'k3', 1, 'k4', 100000, 'k5', true, 'k6', null)",
             "json_array(json_object('a', repeat('z', 70000)), 3000000000, -3)"])]
    return found


def expression(name, row):
    """How the server prints a column for us: text, or hex of UTF-8 or bytes (see README.md)."""
    kind, data_type = row["column_type"], row["data_type"]
    quoted = f"`{name}`"
    if data_type in ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "uuid", "inet4", "inet6"):
        return f"hex(convert(cast({quoted} as char) using utf8mb4))"
    if data_type == "bit":
        bits = int(row["numeric_precision"])
        return f"lpad(hex({quoted} + 0), {(bits + 7) // 8 * 2}, '0')" if bits > 1 else f"{quoted} + 0"
    if "binary" in kind or "blob" in data_type or data_type == "vector":
        return f"hex({quoted})"
    if data_type == "float":
        return f"{quoted} * 1e0"
    if data_type in ("year", "int", "double"):
        return f"{quoted} + 0"
    return f"cast({quoted} as char) collate utf8mb4_bin" if data_type == "json" else f"cast({quoted} as char)"


def line(values):
    return b"\t".join(b"\\N" if v is None else v.replace(b"\\", b"\\\\").replace(b"\t", b"\\t").replace(b"\n", b"\\n").replace(b"\0", b"\\0")
                      for v in values) + b"\n"


class Recorder:
    def __init__(self, name, port, datadir):
        self.w, self.name, self.data = Wire(int(port)), name, datadir
        self.out = os.path.join(HERE, name)
        os.makedirs(self.out, exist_ok=True)
        for statement in ("set sql_mode=''", "set time_zone='+00:00'", "set names utf8mb4"):
            self.w.query(statement)

    def rotate(self):
        self.w.query("flush binary logs")
        status = "show binary log status" if self.name == "mysql-9.7" else "show master status"
        return self.w.query(status)[0][0].decode()

    def record(self, label, statements):
        """Runs statements, a database of their own; keeps the binlog file that holds them."""
        database = f"golden_{label}"
        self.w.query(f"drop database if exists {database}")
        for statement in [f"create database {database}", f"use {database}"]:
            self.w.query(statement)
        current = self.rotate()
        for statement in statements:
            self.w.query(statement)
        self.rotate()
        with open(os.path.join(self.data, current), "rb") as f:
            log = f.read()
        with open(os.path.join(self.out, label + ".binlog"), "wb") as f:
            f.write(log)
        return database

    def keep(self, label, database, table):
        """catalog, text rows and binary rows of one table"""
        rows = self.w.query(f"select {CATALOG} from information_schema.columns where table_schema='{database}' and table_name='{table}' "
                            "order by ordinal_position")
        base = os.path.join(self.out, label)
        with open(base + ".catalog", "wb") as f:
            f.writelines(line(r) for r in rows)
        names = [r[0].decode() for r in rows]
        described = [{"column_type": r[1].decode().split(" character")[0].split("(")[0] + " " + r[2].decode(), "data_type": r[2].decode(),
                      "numeric_precision": r[10]} for r in rows]
        printed = self.w.query(f"select {', '.join(expression(n, d) for n, d in zip(names, described))} from {table} order by id")
        with open(base + ".rows", "wb") as f:
            f.writelines(line(r) for r in printed)
        columns = ", ".join(f"`{n}`" for n in names)
        definitions, packets = self.w.binary(f"select {columns} from {table} order by id")
        with open(base + ".fields", "w") as f:
            f.writelines("%d\t%d\t%d\t%d\n" % d for d in definitions)
        with open(base + ".packets", "wb") as f:
            for packet in packets:
                f.write(len(packet).to_bytes(4, "little") + packet)

    def types(self):
        for label, columns in tables(self.name).items():
            create = "create table t(id int primary key, %s) charset=utf8mb4" % ", ".join(f"`{n}` {t}" for n, t, _ in columns)
            count = max(len(v) for _, _, v in columns)
            statements = [create]
            plain = [(n, v) for n, t, v in columns if " as (" not in t]
            for i in range(count + 1):
                values = []
                for (name, kind, _), (_, v) in zip([c for c in columns if " as (" not in c[1]], plain):
                    fallback = "'2001-01-01'" if "not null" in kind else "null"
                    values.append(str(v[i]) if i < len(v) else fallback)
                statements.append(f"insert into t(id, {', '.join('`%s`' % n for n, _ in plain)}) values({i}, {', '.join(values)})")
            try:
                database = self.record(label, statements)
                self.keep(label, database, "t")
            except ServerError as e:
                print(self.name, label, e)


if __name__ == "__main__":
    Recorder(*sys.argv[1:4]).types()
