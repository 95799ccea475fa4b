// Two kafkajs consumers share a topic, commit, and go on where they stood.
const { Kafka, logLevel } = require("kafkajs");

const kafka = new Kafka({ clientId: "js", brokers: [process.argv[2]],
                          logLevel: logLevel.ERROR });
const admin = kafka.admin();
const N = 400;

async function committed(groupId) {
  const [{ partitions }] = await admin.fetchOffsets({ groupId, topics: ["jsg"] });
  return partitions.reduce((n, p) => n + Math.max(0, Number(p.offset)), 0);
}

async function consume(groupId, members, want, total) {
  const seen = [];
  const consumers = [];
  let done;
  const all = new Promise((resolve) => { done = resolve; });
  for (let i = 0; i < members; i++) {
    const c = kafka.consumer({ groupId, sessionTimeout: 10000,
                               heartbeatInterval: 500,
                               maxWaitTimeInMs: 500 });
    consumers.push(c);
    await c.connect();
    await c.subscribe({ topics: ["jsg"], fromBeginning: true });
    await c.run({ eachMessage: async ({ message }) => {
      seen.push(message.value.toString());
      if (new Set(seen).size >= want) done();
    } });
  }
  let timer;
  await Promise.race([all, new Promise((_, no) => { timer = setTimeout(
    () => no(new Error(`${seen.length} of ${want}`)), 80000); })]);
  clearTimeout(timer);
  while (await committed(groupId) < total)
    await new Promise((yes) => setTimeout(yes, 50));
  for (const c of consumers) await c.disconnect();
  return seen;
}

(async () => {
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: "jsg", numPartitions: 4 }] });
  const producer = kafka.producer();
  await producer.connect();
  const send = (tag) => producer.send({ topic: "jsg", messages:
    Array.from({ length: N }, (_, i) => ({ key: `${i}`, value: `${tag}${i}` })) });
  await send("a");
  const first = await consume("jsgroup", 2, N, N);
  await send("b");
  const second = await consume("jsgroup", 1, N, 2 * N);
  if (new Set(first).size !== N || !second.every((v) => v[0] === "b"))
    throw new Error("read twice, or not at all");
  const { groups } = await admin.listGroups();
  if (!groups.some((g) => g.groupId === "jsgroup"))
    throw new Error("not listed");
  const described = await admin.describeGroups(["jsgroup"]);
  if (described.groups[0].state !== "Empty")
    throw new Error(described.groups[0].state);
  const sum = await committed("jsgroup");
  if (sum !== 2 * N) throw new Error(`offsets add up to ${sum}`);
  await admin.deleteGroups(["jsgroup"]);
  await producer.disconnect();
  await admin.disconnect();
  console.log("kafkajs ok");
})().catch((e) => { console.error(e); process.exit(1); });
