// Two kafkajs consumers share a topic, commit, and go on where they stood.
const { Kafka, logLevel } = require("kafkajs");

const kafka = new Kafka({ clientId: "js", brokers: [process.argv[2]],
                          logLevel: logLevel.ERROR });
const N = 400;

async function consume(groupId, members, want) {
  const seen = [];
  const consumers = [];
  let done;
  const all = new Promise((resolve) => { done = resolve; });
  for (let i = 0; i < members; i++) {
    const c = kafka.consumer({ groupId, sessionTimeout: 10000,
                               heartbeatInterval: 500 });
    consumers.push(c);
    await c.connect();
    await c.subscribe({ topics: ["jsg"], fromBeginning: true });
    await c.run({ eachMessage: async ({ message }) => {
      seen.push(message.value.toString());
      if (seen.length >= want) done();
    } });
  }
  await Promise.race([all, new Promise((_, no) => setTimeout(
    () => no(new Error(`${seen.length} of ${want}`)), 40000))]);
  for (const c of consumers) await c.disconnect();
  return seen;
}

(async () => {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: "jsg", numPartitions: 4 }] });
  const producer = kafka.producer();
  await producer.connect();
  const send = (tag) => producer.send({ topic: "jsg", messages:
    Array.from({ length: N }, (_, i) => ({ key: `${i}`, value: `${tag}${i}` })) });
  await send("a");
  const first = await consume("jsgroup", 2, N);
  await send("b");
  const second = await consume("jsgroup", 1, N);
  if (new Set(first).size !== N || !second.every((v) => v[0] === "b"))
    throw new Error("read twice, or not at all");
  const { groups } = await admin.listGroups();
  if (!groups.some((g) => g.groupId === "jsgroup"))
    throw new Error("not listed");
  const described = await admin.describeGroups(["jsgroup"]);
  if (described.groups[0].state !== "Empty")
    throw new Error(described.groups[0].state);
  const offsets = await admin.fetchOffsets({ groupId: "jsgroup", topics: ["jsg"] });
  const sum = offsets[0].partitions.reduce((n, p) => n + Number(p.offset), 0);
  if (sum !== 2 * N) throw new Error(`offsets add up to ${sum}`);
  await admin.deleteGroups(["jsgroup"]);
  await producer.disconnect();
  await admin.disconnect();
  console.log("kafkajs ok");
})().catch((e) => { console.error(e); process.exit(1); });
