// member_librdkafka.py's doings with kafkajs, which knows no instances.
const fs = require("fs");
const { Kafka, logLevel } = require("kafkajs");

const [bootstrap, groupId, topic, path] = process.argv.slice(2);
const kafka = new Kafka({ clientId: "js", brokers: [bootstrap],
                          logLevel: logLevel.WARN,
                          retry: { initialRetryTime: 100, maxRetryTime: 2000,
                                   retries: 30 } });
const consumer = kafka.consumer({ groupId, sessionTimeout: 6000,
                                  rebalanceTimeout: 10000, heartbeatInterval: 500,
                                  maxWaitTimeInMs: 500 });

(async () => {
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({ eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
    fs.appendFileSync(path, batch.messages.map((m) => `${m.value}\n`).join(""));
    resolveOffset(batch.lastOffset());
    await heartbeat();
  } });
  process.once("SIGTERM", async () => {
    await consumer.disconnect();
    process.exit(0);
  });
})().catch((e) => { console.error(e); process.exit(1); });
