// Produce with kafkajs and administer with it; argv: bootstrap. Its consumer
// needs consumer groups and is not used here.
const { Kafka, logLevel } = require('kafkajs')
const codecs = require('./codecs')

async function main() {
  const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.ERROR })
  const admin = kafka.admin()
  await admin.connect()
  if (!(await admin.createTopics({ topics: [{ topic: 'js', numPartitions: 1 }] })))
    throw new Error('the topic was there before')
  for (const acks of [0, 1, -1])
    for (const compression of Object.values(codecs)) {
      const producer = kafka.producer()
      await producer.connect()
      const messages = []
      for (let i = 0; i < 100; i++)
        messages.push({ key: 'k' + i, value: 'v' + i, partition: 0, headers: { a: 'b' } })
      await producer.send({ topic: 'js', acks, compression, messages })
      await producer.disconnect()
    }
  const idempotent = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await idempotent.connect()
  for (let i = 0; i < 4; i++)
    await idempotent.send({ topic: 'js', acks: -1, messages:
      Array.from({ length: 100 }, (_, n) => ({ value: 'i' + n, partition: 0 })) })
  await idempotent.disconnect()
  const high = async () => Number((await admin.fetchTopicOffsets('js'))[0].high)
  for (let tries = 0; (await high()) !== 1900; tries++)
    if (tries > 200) throw new Error('offset ' + (await high()))
  const cluster = await admin.describeCluster()
  if (cluster.brokers.length !== 1) throw new Error(JSON.stringify(cluster))
  const meta = await admin.fetchTopicMetadata({ topics: ['js'] })
  if (meta.topics[0].partitions[0].leader !== 0) throw new Error(JSON.stringify(meta))
  await admin.createPartitions({ topicPartitions: [{ topic: 'js', count: 2 }] })
  const configs = await admin.describeConfigs({ resources: [{ type: 2, name: 'js' }] })
  if (!configs.resources[0].configEntries.some(e => e.configName === 'retention.ms'))
    throw new Error(JSON.stringify(configs))
  await admin.disconnect()
  console.log('kafkajs ok')
}
main().catch(e => { console.error(e); process.exit(1) })
