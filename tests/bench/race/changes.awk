# Changes of the race's table `t` as SQL, the same on every run: exactly `changes` changed rows (70 % updates of random living
# keys, 20 % inserts of new keys, 10 % deletes of distinct keys), `size` of them a transaction, on a table that holds the keys
# 1..rows.
#   awk -f changes.awk -v rows=3000000 -v changes=1000000 -v size=50
function r() { x = (x * 16807) % 2147483647; return x }
function word(n,   s) { s = ""; while (length(s) < n) s = s sprintf("%s", W[r() % 16]); return substr(s, 1, n) }
BEGIN {
  split("al be ca du er fi go ha in ju ke lo ma ne or pa", w, " "); for (i = 1; i <= 16; i++) W[i - 1] = w[i]
  x = 20240607; next_id = rows; step = 1299709 % rows; victim = 17
  for (n = 0; n < changes; n++) {
    if (n % size == 0) print (n ? "commit;\n" : "") "begin;"
    d = n % 10
    if (d == 3 || d == 7) {
      printf "insert into t values(%d,%d,%d,%d.%02d,%.3f,'%s','%s','%s','%04d-%02d-%02d','2025-%02d-%02d %02d:%02d:%02d.%03d');\n",
        ++next_id, r() % 1000000000, r() % 30000, r() % 1000000, r() % 100, (r() % 8000000) / 8, word(14 + r() % 14),
        word(5 + r() % 8), word(18 + r() % 24), 1950 + r() % 60, 1 + r() % 12, 1 + r() % 28, 1 + r() % 12, 1 + r() % 28,
        r() % 24, r() % 60, r() % 60, r() % 1000
    } else if (d == 9) {
      do victim = (victim + step) % rows; while ((victim + 1) in dead)
      dead[victim + 1] = 1
      printf "delete from t where id=%d;\n", victim + 1
    } else {
      do id = 1 + r() % rows; while (id in dead)
      printf "update t set k=%d,amount=%d.%02d,note='%s',created='2026-%02d-%02d %02d:%02d:%02d.%03d' where id=%d;\n",
        r() % 1000000000, r() % 1000000, r() % 100, word(18 + r() % 24), 1 + r() % 12, 1 + r() % 28, r() % 24, r() % 60,
        r() % 60, r() % 1000, id
    }
  }
  print "commit;"
}
