package judge;

import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.paimon.casting.*;
import org.apache.paimon.data.GenericRow;
import org.apache.paimon.data.Timestamp;
import org.apache.paimon.shade.jackson2.com.fasterxml.jackson.databind.*;
import org.apache.paimon.types.*;

/**
 * Casts by Paimon itself. Reads lines `{"from":TYPE,"to":TYPE,"v":[value,…]}` (values as canonical rows print them). Writes
 * for each a line `>`, both types, and `ok`, `none` when there is no rule, or `alter` when there is one but ALTER TABLE
 * refuses the change; then a line of value and result for each value: canonical, or `!` where Java refuses the value or
 * leaves a null that its own readers and writers trip over. Parts of a line are separated by tabs.
 */
public class Casts {
    static final ObjectMapper JSON = new ObjectMapper();

    /** As bytes: texts may be no UTF-8. A TIME outside of its day, which has no canonical form, is its milliseconds. */
    static byte[] canonical(DataType t, Object v) {
        if (t instanceof TimeType && ((int) v < 0 || (int) v >= 86400000)) return v.toString().getBytes(StandardCharsets.US_ASCII);
        Out o = new Out();
        Canon.row(new RowType(Arrays.asList(new DataField(0, "v", t))), 1).put(o, GenericRow.of(v), 0);
        byte[] row = o.copy(0);
        return Arrays.copyOfRange(row, 5, row.length - 1);
    }

    @SuppressWarnings("unchecked")
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
        for (String line; (line = in.readLine()) != null; ) {
            JsonNode j = JSON.readTree(line);
            DataType from = DataTypeJsonParser.parseDataType(j.get("from")), to = DataTypeJsonParser.parseDataType(j.get("to"));
            String verdict = "ok";
            CastExecutor<Object, Object> e = (CastExecutor<Object, Object>) CastExecutors.resolve(from, to);
            try {
                if (e == null) verdict = "none";
                else if (!DataTypeCasts.supportsCast(from, to, true)) verdict = "alter";
            } catch (RuntimeException x) {
                verdict = "alter";
            }
            out.println(">\t" + j.get("from") + "\t" + j.get("to") + "\t" + verdict);
            for (JsonNode n : j.get("v")) {
                if (!verdict.equals("ok")) break;
                byte[] result = {'!'};
                try {
                    Object r = e.cast(Ops.value(n, from));
                    // years of more than seven digits have no canonical form
                    if (r instanceof Timestamp && Math.abs(((Timestamp) r).getMillisecond() / 2) > 150000000000000000L) continue;
                    if (r != null) result = canonical(to, r);
                } catch (RuntimeException x) {
                    if (args.length > 0) System.err.println(line + ": " + n + ": " + x);
                }
                out.write(canonical(from, Ops.value(n, from)));
                out.write('\t');
                out.write(result);
                out.write('\n');
            }
        }
        out.flush();
    }
}
