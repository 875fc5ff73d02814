/* Makes vectors.txt with Paimon's own picking, release 1.4.2:
 *   javac -cp paimon-bundle-1.4.2.jar PickVectors.java
 *   java -cp paimon-bundle-1.4.2.jar:<slf4j-api jar>:. PickVectors > vectors.txt
 * One line: amplification ratio trigger levels total increment mode level:size … = runs output
 * (total, increment: thresholds of early full compaction, -1 off; mode 0: UniversalCompaction,
 * mode 1: ForceUpLevel0Compaction; runs 0: nothing picked). */
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.apache.paimon.compact.CompactUnit;
import org.apache.paimon.data.BinaryRow;
import org.apache.paimon.io.DataFileMeta;
import org.apache.paimon.manifest.FileSource;
import org.apache.paimon.mergetree.LevelSortedRun;
import org.apache.paimon.mergetree.SortedRun;
import org.apache.paimon.mergetree.compact.CompactStrategy;
import org.apache.paimon.mergetree.compact.EarlyFullCompaction;
import org.apache.paimon.mergetree.compact.ForceUpLevel0Compaction;
import org.apache.paimon.mergetree.compact.UniversalCompaction;
import org.apache.paimon.stats.SimpleStats;

public class PickVectors {
    static LevelSortedRun run(int level, long size) {
        DataFileMeta file =
                DataFileMeta.create(
                        "f", size, 1, BinaryRow.EMPTY_ROW, BinaryRow.EMPTY_ROW,
                        SimpleStats.EMPTY_STATS, SimpleStats.EMPTY_STATS, 0, 0, 0, level, 0L, null,
                        FileSource.APPEND, null, null, null);
        return new LevelSortedRun(level, SortedRun.fromSingle(file));
    }

    public static void main(String[] args) {
        Random random = new Random(20260604);
        for (int n = 0; n < 3000; n++) {
            int trigger = 1 + random.nextInt(8);
            int levels = 2 + random.nextInt(7);
            int amp = new int[] {0, 25, 200, 200, 1000}[random.nextInt(5)];
            int ratio = new int[] {0, 1, 1, 10, 100}[random.nextInt(5)];
            boolean early = random.nextInt(4) == 0;
            Long total = early && random.nextBoolean() ? (Long) (long) random.nextInt(3000) : null;
            Long increment = early && total == null ? (Long) (long) random.nextInt(3000) : null;
            boolean force = random.nextInt(3) == 0;
            List<LevelSortedRun> runs = new ArrayList<>();
            int scale = 1 + random.nextInt(20);
            int level0 = random.nextInt(10);
            for (int i = 0; i < level0; i++) {
                runs.add(run(0, 1 + (long) random.nextInt(1 << random.nextInt(scale))));
            }
            for (int level = 1; level < levels; level++) {
                if (random.nextInt(2) == 0) {
                    runs.add(run(level, 1 + (long) random.nextInt(1 << random.nextInt(scale))));
                }
            }
            if (runs.isEmpty()) {
                continue;
            }
            UniversalCompaction universal =
                    new UniversalCompaction(
                            amp, ratio, trigger,
                            early ? new EarlyFullCompaction(null, total, increment) : null, null);
            CompactStrategy strategy =
                    force ? new ForceUpLevel0Compaction(universal, null) : universal;
            Optional<CompactUnit> unit = strategy.pick(levels, runs);
            StringBuilder line = new StringBuilder();
            line.append(amp + " " + ratio + " " + trigger + " " + levels);
            line.append(" " + (total == null ? -1 : total));
            line.append(" " + (increment == null ? -1 : increment) + " " + (force ? 1 : 0));
            for (LevelSortedRun r : runs) {
                line.append(" " + r.level() + ":" + r.run().totalSize());
            }
            int picked = unit.isPresent() ? unit.get().files().size() : 0;
            line.append(" = " + picked + " " + (picked == 0 ? 0 : unit.get().outputLevel()));
            System.out.println(line);
        }
    }
}
