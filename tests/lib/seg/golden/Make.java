// Writes the golden files of this folder with Apache Kafka's own classes.
//
//   java -cp 'kafka_2.13-3.7.0/libs/*' Make.java FOLDER
//
// The records are those of tests/lib/seg/records.h, number by number.
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.*;
import org.apache.kafka.common.utils.*;
import org.apache.kafka.storage.internals.log.*;
import org.apache.kafka.server.common.MetadataVersion;

public class Make {
    static final long TIME = 1700000000000L, APPEND = 1700000099999L;
    static final int RECORDS = 5;
    static final Header[] NO_HEADERS = new Header[0];
    static Path folder;

    static byte[] key(int i) {
        return i == 1 ? null : ("key-" + i).getBytes(StandardCharsets.UTF_8);
    }

    static byte[] value(int i, boolean big) {
        if (i == 2) return null;
        if (i == 3 && big) {
            byte[] b = new byte[70000];
            for (int j = 0; j < b.length; j++) b[j] = (byte) ((j * 7 + j / 251) & 0x3f);
            return b;
        }
        return ("value number " + i).getBytes(StandardCharsets.UTF_8);
    }

    static long time(int i) {
        return TIME + (i == 4 ? -5 : i * 1000L);
    }

    static Header[] headers(int i) {
        if (i != 3) return NO_HEADERS;
        return new Header[] {
            new RecordHeader("trace", "abc".getBytes(StandardCharsets.UTF_8)),
            new RecordHeader("none", null),
            new RecordHeader("", new byte[0]) };
    }

    static void write(String name, ByteBuffer buffer) throws Exception {
        byte[] b = new byte[buffer.remaining()];
        buffer.duplicate().get(b);
        Files.write(folder.resolve(name), b);
    }

    static void write(String name, MemoryRecords records) throws Exception {
        write(name, records.buffer());
    }

    static MemoryRecords build(int magic, CompressionType codec, long base, boolean append,
                               boolean producer, boolean big) {
        MemoryRecordsBuilder b = MemoryRecords.builder(ByteBuffer.allocate(1 << 20), (byte) magic, codec,
            append ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME, base,
            append ? APPEND : RecordBatch.NO_TIMESTAMP,
            producer ? 4711L : RecordBatch.NO_PRODUCER_ID, producer ? (short) 3 : RecordBatch.NO_PRODUCER_EPOCH,
            producer ? Integer.MAX_VALUE - 1 : RecordBatch.NO_SEQUENCE, producer,
            magic == 2 ? 7 : RecordBatch.NO_PARTITION_LEADER_EPOCH);
        for (int i = 0; i < RECORDS; i++)
            b.appendWithOffset(base + i, time(i), key(i), value(i, big),
                magic == 2 ? headers(i) : NO_HEADERS);
        return b.build();
    }

    // What the broker makes of a produced set, offsets from 500, leader epoch 9.
    static MemoryRecords append(MemoryRecords records, CompressionType target, boolean append) {
        CompressionType source = records.batches().iterator().next().compressionType();
        LogValidator v = new LogValidator(records, new TopicPartition("t", 0), new MockClock(), source, target,
            false, RecordBatch.MAGIC_VALUE_V2, append ? TimestampType.LOG_APPEND_TIME : TimestampType.CREATE_TIME,
            Long.MAX_VALUE, Long.MAX_VALUE, 9, AppendOrigin.CLIENT, MetadataVersion.IBP_3_7_IV4);
        return v.validateMessagesAndAssignOffsets(PrimitiveRef.ofLong(500), new Quiet(),
            BufferSupplier.NO_CACHING).validatedRecords;
    }

    static class MockClock extends SystemTime {
        @Override public long milliseconds() { return APPEND; }
    }

    static class Quiet implements LogValidator.MetricsRecorder {
        public void recordInvalidMagic() { }
        public void recordInvalidOffset() { }
        public void recordInvalidSequence() { }
        public void recordInvalidChecksums() { }
        public void recordNoKeyCompactedTopic() { }
    }

    public static void main(String[] args) throws Exception {
        folder = Paths.get(args[0]);
        for (CompressionType codec : CompressionType.values()) {
            MemoryRecords two = build(2, codec, 100, false, true, codec != CompressionType.NONE);
            write("v2-" + codec.name + ".bin", two);
            write("v2-produce-" + codec.name + ".bin", build(2, codec, 0, false, false, false));
            if (codec == CompressionType.ZSTD) continue;
            for (int magic = 0; magic < 2; magic++) {
                write("v" + magic + "-" + codec.name + ".bin",
                    build(magic, codec, 100, false, false, codec != CompressionType.NONE));
                MemoryRecords produced = build(magic, codec, 0, false, false, false);
                write("v" + magic + "-produce-" + codec.name + ".bin", produced);
                write("up-v" + magic + "-" + codec.name + ".bin", append(produced, CompressionType.NONE, false));
                write("down-" + codec.name + "-v" + magic + ".bin",
                    (MemoryRecords) two.downConvert((byte) magic, 102, Time.SYSTEM).records());
            }
        }
        write("v2-append.bin", build(2, CompressionType.NONE, 100, true, false, false));
        write("v1-append.bin", build(1, CompressionType.NONE, 100, true, false, false));
        write("v1-append-gzip.bin", build(1, CompressionType.GZIP, 100, true, false, false));
        write("down-append-v1.bin", (MemoryRecords) build(2, CompressionType.NONE, 100, true, false, false)
            .downConvert((byte) 1, 0, Time.SYSTEM).records());
        write("up-v1-none-append.bin", append(build(1, CompressionType.NONE, 0, false, false, false),
            CompressionType.NONE, true));
        for (boolean commit : new boolean[] { true, false })
            write(commit ? "v2-commit.bin" : "v2-abort.bin", MemoryRecords.withEndTransactionMarker(100, TIME, 7,
                4711, (short) 3, new EndTransactionMarker(
                    commit ? ControlRecordType.COMMIT : ControlRecordType.ABORT, 42)));
        ByteBuffer empty = ByteBuffer.allocate(100);
        DefaultRecordBatch.writeEmptyHeader(empty, (byte) 2, 4711, (short) 3, 11, 100, 104, 7,
            TimestampType.CREATE_TIME, TIME, true, false);
        empty.flip();
        write("v2-empty.bin", empty);
        MemoryRecordsBuilder horizon = new MemoryRecordsBuilder(new ByteBufferOutputStream(1024), (byte) 2,
            CompressionType.NONE, TimestampType.CREATE_TIME, 100, RecordBatch.NO_TIMESTAMP, -1, (short) -1, -1,
            false, false, 7, 1024, APPEND);
        for (int i = 0; i < RECORDS; i++)
            horizon.appendWithOffset(100 + i, time(i), key(i), value(i, false), headers(i));
        write("v2-horizon.bin", horizon.build());
    }
}
