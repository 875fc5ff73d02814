# Rows of the race's table `t` as tab-separated text, the same on every run: 10 columns, about 110 bytes a row.
#   awk -f rows.awk -v from=1 -v to=3000000
function r() { x = (x * 16807) % 2147483647; return x }
function word(n,   s) { s = ""; while (length(s) < n) s = s sprintf("%s", W[r() % 16]); return substr(s, 1, n) }
BEGIN {
  split("al be ca du er fi go ha in ju ke lo ma ne or pa", w, " "); for (i = 1; i <= 16; i++) W[i - 1] = w[i]
  for (id = from; id <= to; id++) {
    x = (id * 7919 + 104729) % 2147483647; if (!x) x = 1
    r(); r()
    note = r() % 10 ? word(18 + r() % 24) : "\\N"
    printf "%d\t%d\t%d\t%d.%02d\t%.3f\t%s\t%s\t%s\t%04d-%02d-%02d\t2024-%02d-%02d %02d:%02d:%02d.%03d\n", id, r() % 1000000000,
      r() % 30000, r() % 1000000, r() % 100, (r() % 8000000) / 8, word(14 + r() % 14), word(5 + r() % 8), note, 1950 + r() % 60,
      1 + r() % 12, 1 + r() % 28, 1 + r() % 12, 1 + r() % 28, r() % 24, r() % 60, r() % 60, r() % 1000
  }
}
