// Golden.java vectors|buckets: what Paimon's own classes write and decide, for tests/unit/test_deletion_vector.c and
// test_bucket_assign.c. Run by make.sh with the judge's class path.
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.paimon.data.BinaryRow;
import org.apache.paimon.deletionvectors.Bitmap64DeletionVector;
import org.apache.paimon.deletionvectors.BitmapDeletionVector;
import org.apache.paimon.deletionvectors.DeletionVector;
import org.apache.paimon.index.BucketAssigner;
import org.apache.paimon.index.PartitionIndex;
import org.apache.paimon.utils.Int2ShortHashMap;

public class Golden {
    public static void main(String[] args) throws Exception {
        if (args[0].equals("vectors")) {
            vectors();
        } else {
            buckets();
        }
    }

    // ---- vectors: "<32|64>", then "+first step count" (positions first, first + step, ...), "=hex" (the record now) or
    // "#count fnv64 of the bytes" where the record is long, "r" (go on with what was read back)

    static String hex(byte[] bytes) {
        StringBuilder b = new StringBuilder();
        for (byte x : bytes) {
            b.append(String.format("%02x", x));
        }
        return b.toString();
    }

    static long fnv(byte[] bytes) {
        long h = 0xcbf29ce484222325L;
        for (byte x : bytes) {
            h = (h ^ (x & 255)) * 0x100000001b3L;
        }
        return h;
    }

    static class Script {
        final StringBuilder line;
        DeletionVector v;

        Script(boolean wide) {
            line = new StringBuilder(wide ? "64" : "32");
            v = wide ? new Bitmap64DeletionVector() : new BitmapDeletionVector();
        }

        Script add(long first, long step, int count) {
            line.append(" +").append(first).append(' ').append(step).append(' ').append(count);
            for (int i = 0; i < count; i++) {
                v.delete(first + i * step);
            }
            return this;
        }

        Script write() throws Exception {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            v.serializeTo(new DataOutputStream(out));
            byte[] bytes = out.toByteArray();
            if (bytes.length <= 120) {
                line.append(" =").append(hex(bytes));
            } else {
                line.append(String.format(" #%d %016x", bytes.length, fnv(bytes)));
            }
            return this;
        }

        Script readBack() throws Exception {
            v = DeletionVector.deserializeFromBytes(DeletionVector.serializeToBytes(v));
            line.append(" r");
            return this;
        }

        void done() {
            System.out.println(line);
        }
    }

    static void vectors() throws Exception {
        for (boolean wide : new boolean[] {false, true}) {
            new Script(wide).write().done();
            new Script(wide).add(4, 1, 2).write().done();
            // Runs or values: 2 + 4 * runs against 2 * count.
            for (int n = 1; n <= 6; n++) {
                new Script(wide).add(7, 1, n).write().done();
                new Script(wide).add(0, 1, n).add(100, 1, n).write().add(50, 1, 1).write().done();
            }
            // What has runs keeps them a little longer, also when it was read back.
            new Script(wide).add(1, 1, 4).write().add(10, 5, 1).write().add(20, 5, 1).write().done();
            new Script(wide).add(1, 1, 4).write().readBack().add(10, 5, 1).write().readBack().add(20, 5, 1).write().done();
            // Values to bits at 4097, bits to runs at 2047 runs.
            new Script(wide).add(0, 2, 4096).write().add(1, 2, 1).write().done();
            new Script(wide).add(0, 3, 4097).write().done();
            new Script(wide).add(0, 32, 2047).add(1, 32, 2047).add(2, 32, 2047).write().done();
            new Script(wide).add(0, 32, 2048).add(1, 32, 2048).add(2, 32, 2048).write().add(3, 1, 29).write().done();
            new Script(wide).add(0, 1, 65536).write().add(65536, 1, 65536).write().readBack().write().done();
            // Three and four containers: with runs, offsets begin at four.
            for (int n = 2; n <= 5; n++) {
                Script s = new Script(wide);
                for (int i = 0; i < n; i++) {
                    s.add(i * 65536L + 9, i == 1 ? 1 : 7, 5);
                }
                s.write().done();
            }
            new Script(wide).add(2147483647L, 1, 1).write().done();
            Random random = new Random(42);
            for (int round = 0; round < 60; round++) {
                Script s = new Script(wide);
                for (int step = 0; step < 12; step++) {
                    switch (random.nextInt(5)) {
                        case 0:
                            s.write();
                            break;
                        case 1:
                            s.readBack();
                            break;
                        default:
                            s.add(random.nextInt(200000), 1 + random.nextInt(4) * random.nextInt(30),
                                1 + random.nextInt(random.nextInt(4) == 0 ? 6000 : 9));
                    }
                }
                s.write().done();
            }
        }
        new Script(true).add(4294967296L, 1, 3).write().done();
        new Script(true).add(5, 1, 1).add(3L << 32, 1, 9).write().readBack().add(2L << 32, 3, 2).write().done();
    }

    // ---- buckets: "partition target assigners max | bucket:count ... | hash:bucket ..."; '?': Java picked at random.
    // A hash h of 0, 1, 2, ... stands for h * 0x9e3779b1.

    static void buckets() {
        Random random = new Random(7);
        for (int round = 0; round < 40; round++) {
            int target = 1 + random.nextInt(6);
            int assigners = round % 4 == 3 ? 1 + random.nextInt(5) : 1;
            int max = random.nextInt(3) == 0 ? assigners + random.nextInt(8) : -1;
            int partition = random.nextInt(); // of one INT column
            int partitionHash = BinaryRow.singleColumn(partition).hashCode();
            System.out.print(partition + " " + target + " " + assigners + " " + max + " |");
            int next = 0;
            PartitionIndex[] indexes = new PartitionIndex[assigners];
            int[] maxBucket = new int[assigners];
            // Some buckets are there already, perhaps with gaps; hashes of a bucket are those of its assigner.
            int there = random.nextInt(3) == 0 ? 0 : random.nextInt(20);
            Map<Integer, Integer> counts = new HashMap<>();
            Int2ShortHashMap.Builder[] maps = new Int2ShortHashMap.Builder[assigners];
            @SuppressWarnings("unchecked")
            Map<Integer, Long>[] infos = new Map[assigners];
            for (int a = 0; a < assigners; a++) {
                maps[a] = Int2ShortHashMap.builder();
                infos[a] = new HashMap<>();
            }
            int bucket = -1;
            for (int i = 0; i < there; i++) {
                bucket += 1 + (random.nextInt(3) == 0 ? random.nextInt(9) : 0);
                if (max != -1 && bucket >= max) {
                    break;
                }
                int a = bucket % assigners;
                int want = 1 + random.nextInt(target + 1);
                StringBuilder hashes = new StringBuilder();
                for (int n = 0; n < want; n++) {
                    while (assigner(partitionHash, next, assigners) != a) {
                        next++;
                    }
                    maps[a].put(next * 0x9e3779b1, (short) bucket);
                    infos[a].merge(bucket, 1L, Long::sum);
                    hashes.append(n == 0 ? "" : ",").append(next++);
                }
                System.out.print(" " + bucket + ":" + hashes);
            }
            System.out.print(" |");
            for (int a = 0; a < assigners; a++) {
                indexes[a] = new PartitionIndex(maps[a].build(), infos[a], target);
            }
            Set<Integer> drawnKeys = new HashSet<>();
            for (int n = 0; n < 60; n++) {
                int key = random.nextInt(4) == 0 ? random.nextInt(next + 1) : next++;
                int a = assigner(partitionHash, key, assigners);
                int hash = key * 0x9e3779b1;
                boolean drawn = drawnKeys.contains(key);
                boolean known = indexes[a].hash2Bucket.containsKey(hash);
                int total = indexes[a].totalBucketSet.size();
                long open = indexes[a].nonFullBucketInformation.values().stream().filter(c -> c < target).count();
                final int id = a;
                int to = indexes[a].assign(hash, b -> BucketAssigner.isMyBucket(b, assigners, id), max, maxBucket[a]);
                boolean picked = drawn || !known && open == 0 && indexes[a].totalBucketSet.size() == total;
                maxBucket[a] = Math.max(maxBucket[a], to);
                System.out.print(" " + key + ":" + (picked ? "?" : "" + to));
                if (picked) {
                    drawnKeys.add(key);
                    n += 9;
                }
            }
            System.out.println();
        }
    }

    static int assigner(int partitionHash, int key, int assigners) {
        return BucketAssigner.computeAssigner(partitionHash, key * 0x9e3779b1, assigners, assigners);
    }
}
