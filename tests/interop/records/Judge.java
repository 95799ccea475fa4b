// Does with Apache Kafka's own classes what cases.c did, and compares.
//
//   java -cp 'kafka_2.13-3.7.0/libs/*' Judge.java < cases
//
// What Kafka refuses with UNKNOWN_SERVER_ERROR (an exception that is no API
// error) may be refused with any error. Two differences are wanted, and looked
// at here: a compressed batch whose records do not have exactly their stated
// lengths is refused, and magic 2 whose offsets have gaps is written anew with
// consecutive ones (Kafka takes it as it is, or fails when it is compressed).
import java.io.*;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.record.Record;
import org.apache.kafka.common.requests.ProduceRequest;
import org.apache.kafka.common.utils.*;
import org.apache.kafka.server.common.MetadataVersion;
import org.apache.kafka.storage.internals.log.*;

public class Judge {
    static int passed, failed, stricter, loose;

    static byte[] bytes(DataInputStream in) throws IOException {
        byte[] b = new byte[in.readInt()];
        in.readFully(b);
        return b;
    }

    static class Clock extends SystemTime {
        final long now;
        Clock(long now) { this.now = now; }
        @Override public long milliseconds() { return now; }
    }

    static class Quiet implements LogValidator.MetricsRecorder {
        public void recordInvalidMagic() { }
        public void recordInvalidOffset() { }
        public void recordInvalidSequence() { }
        public void recordInvalidChecksums() { }
        public void recordNoKeyCompactedTopic() { }
    }

    // What a broker looks at before LogValidator; the valid bytes.
    static int analyze(MemoryRecords records, CompressionType[] source) {
        int valid = 0;
        source[0] = CompressionType.NONE;
        for (RecordBatch batch : records.batches()) {
            if (batch.magic() >= 2 && batch.baseOffset() != 0) throw new InvalidRecordException("base offset");
            if (batch.sizeInBytes() > 1048588) throw new RecordTooLargeException("size");
            if (!batch.isValid()) throw new CorruptRecordException("crc");
            valid += batch.sizeInBytes();
            if (batch.compressionType() != CompressionType.NONE) source[0] = batch.compressionType();
        }
        return valid;
    }

    static String show(Record r) {
        return r.offset() + " " + r.timestamp() + " " + r.sequence() + " " + Arrays.toString(Utils.toNullableArray(r.key()))
            + Arrays.toString(Utils.toNullableArray(r.value())) + Arrays.toString(r.headers());
    }

    static String show(MemoryRecords records, boolean offsets) {
        StringBuilder s = new StringBuilder();
        for (RecordBatch b : records.batches()) {
            b.ensureValid();
            s.append(b.magic() + " " + b.compressionType() + " " + b.timestampType() + " " + b.lastOffset() + " "
                + b.maxTimestamp() + " " + b.producerId() + " " + b.producerEpoch() + " " + b.baseSequence() + " "
                + b.isTransactional() + b.isControlBatch() + " " + b.partitionLeaderEpoch() + "\n");
            for (Record r : b) s.append(offsets ? show(r) : show(r).replaceFirst("^\\S+ (\\S+) \\S+", "$1")).append('\n');
        }
        return s.toString();
    }

    static boolean gaps(MemoryRecords records) {
        for (RecordBatch b : records.batches()) {
            long next = b.baseOffset();
            for (Record r : b) if (r.offset() != next++) return true;
        }
        return false;
    }

    static boolean negative(MemoryRecords records) {
        for (Record r : records.records()) if (r.timestamp() < RecordBatch.NO_TIMESTAMP) return true;
        return false;
    }

    // Whether a full look at the records, which Kafka spares itself, fails.
    static boolean bent(byte[] input) {
        try {
            show(MemoryRecords.readableRecords(ByteBuffer.wrap(input)), true);
            return false;
        } catch (Throwable e) { return true; }
    }

    static void verdict(int n, boolean good, String what) {
        if (good) { passed++; return; }
        failed++;
        if (failed <= 10) System.out.println("case " + n + ": " + what);
    }

    static void produce(int n, DataInputStream in) throws IOException {
        boolean append = in.readBoolean(), compacted = in.readBoolean();
        int codec = in.readByte();
        short version = in.readShort();
        long now = in.readLong(), before = in.readLong(), after = in.readLong();
        byte[] input = bytes(in);
        int ours = in.readShort();
        byte[] output = bytes(in);
        boolean rewritten = in.readBoolean();
        int refused = in.readInt();
        int kafkas = 0, errors = 0;
        byte[] sent = input.clone();
        MemoryRecords result = null;
        try {
            MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(input));
            ProduceRequest.validateRecords(version, records);
            CompressionType[] source = new CompressionType[1];
            int valid = analyze(records, source);
            if (valid > 0) {
                ByteBuffer cut = ByteBuffer.wrap(input);
                cut.limit(valid);
                records = MemoryRecords.readableRecords(cut);
                result = new LogValidator(records, new TopicPartition("t", 0), new Clock(now), source[0],
                    codec < 0 ? source[0] : CompressionType.forId(codec), compacted, RecordBatch.MAGIC_VALUE_V2,
                    append ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, before, after, 9,
                    AppendOrigin.CLIENT, MetadataVersion.IBP_3_7_IV4).validateMessagesAndAssignOffsets(
                        PrimitiveRef.ofLong(500), new Quiet(), BufferSupplier.NO_CACHING).validatedRecords;
            }
        } catch (RecordValidationException e) {
            kafkas = Errors.forException(e.invalidException()).code();
            errors = e.recordErrors().size();
        } catch (Throwable e) {
            kafkas = Errors.forException(e).code();
        }
        if (kafkas == -1 && ours != 0) { loose++; passed++; return; }
        if (ours == 87 && refused == 0 && (kafkas == 0 || errors > 0) && bent(sent)) {
            stricter++;
            passed++;
            return;
        }
        if (ours == 32 && refused == 0 && kafkas == 0) {
            MemoryRecords all = MemoryRecords.readableRecords(ByteBuffer.wrap(sent));
            if (gaps(all) && negative(all)) { stricter++; passed++; return; }
        }
        if (kafkas == -1 && ours == 0 && rewritten && gaps(MemoryRecords.readableRecords(ByteBuffer.wrap(sent)))) {
            result = MemoryRecords.readableRecords(ByteBuffer.wrap(sent));
            MemoryRecords mine = MemoryRecords.readableRecords(ByteBuffer.wrap(output));
            String a = show(result, false), b = show(mine, false);
            if (append) a = a.replaceAll("\n\\S+ ", "\n" + now + " ");
            a = a.substring(a.indexOf('\n'));
            b = b.substring(b.indexOf('\n'));
            verdict(n, a.equals(b) && !gaps(mine), "gaps: ours" + b + "sent" + a);
            return;
        }
        if (kafkas != ours) { verdict(n, false, "error " + ours + ", Kafka's " + kafkas); return; }
        if (kafkas != 0) {
            verdict(n, version < 3 || errors == refused, "refused " + refused + ", Kafka " + errors);
            return;
        }
        if (result == null) { verdict(n, output.length == 0, "an empty set gave something"); return; }
        MemoryRecords mine = MemoryRecords.readableRecords(ByteBuffer.wrap(output));
        boolean gaps = gaps(result);
        String a = show(result, !gaps), b = show(mine, !gaps);
        verdict(n, a.equals(b) && !gaps(mine), "ours\n" + b + "Kafka's\n" + a);
        CompressionType type = mine.batches().iterator().next().compressionType();
        if (!gaps && (!rewritten || type == CompressionType.NONE)) {
            byte[] theirs = new byte[result.sizeInBytes()];
            result.buffer().duplicate().get(theirs);
            verdict(n, Arrays.equals(theirs, output), "the bytes differ\n" + b);
        }
    }

    static void down(int n, DataInputStream in) throws IOException {
        byte magic = in.readByte();
        long fetch = in.readLong();
        MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(bytes(in)));
        int ours = in.readShort();
        byte[] output = bytes(in);
        // As the broker does: batch by batch, so that what precedes zstd is told.
        StringBuilder want = new StringBuilder();
        ByteArrayOutputStream told = new ByteArrayOutputStream();
        boolean plain = true, zstd = false;
        for (MutableRecordBatch batch : records.batches()) {
            ByteBuffer one = ByteBuffer.allocate(batch.sizeInBytes());
            batch.writeTo(one);
            one.flip();
            try {
                MemoryRecords c = (MemoryRecords) MemoryRecords.readableRecords(one)
                    .downConvert(magic, fetch, Time.SYSTEM).records();
                byte[] b = new byte[c.sizeInBytes()];
                c.buffer().duplicate().get(b);
                told.write(b);
                want.append(show(c, true));
                plain &= batch.compressionType() == CompressionType.NONE;
            } catch (UnsupportedCompressionTypeException e) { zstd = true; break; }
        }
        if (told.size() == 0 && zstd) { verdict(n, ours == 76, "zstd: " + ours); return; }
        if (told.size() == 0) { verdict(n, ours == 0 && output.length == 12, "filler: " + ours); return; }
        MemoryRecords mine = MemoryRecords.readableRecords(ByteBuffer.wrap(output));
        verdict(n, ours == 0 && show(mine, true).contentEquals(want), "down: ours\n" + show(mine, true) + "Kafka's\n" + want);
        if (plain) verdict(n, Arrays.equals(told.toByteArray(), output), "down: the bytes differ");
    }

    public static void main(String[] args) throws Exception {
        DataInputStream in = new DataInputStream(new BufferedInputStream(System.in));
        int n = 0;
        for (int kind = in.read(); kind >= 0; kind = in.read(), n++) {
            if (kind == 0) produce(n, in);
            else down(n, in);
        }
        System.out.println("cases " + n + ", refused where Kafka fails without a code: " + loose
            + ", where Kafka does not look: " + stricter);
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }
}
