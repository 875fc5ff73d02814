"""Rows and checksum of the race's table from canonical rows on stdin, as `db.sh sum` prints them from the server."""
import json
import sys
import zlib

rows = total = 0
for line in sys.stdin:
    r = json.loads(line)
    note = r['note'] if r['note'] is not None else '\\N'
    text = '|'.join(map(str, (r['id'], r['k'], r['small'], r['amount'], int(r['price'] * 8), r['name'], r['city'], note, r['born'],
                              r['created'].replace('T', ' ')[:26])))
    rows += 1
    total += zlib.crc32(text.encode())
print('%d\t%d' % (rows, total))
