// Produce, look up offsets and consume with kafkajs; argv: MODE bootstrap topic, then
// for write and read: records and the bytes of each; for storm: records; for values:
// more topics.
const { Kafka, logLevel } = require('kafkajs')
const codecs = require('./codecs')
const crypto = require('crypto')

const [mode, bootstrap, topic, ...rest] = process.argv.slice(2)
const [count, bytes] = rest.map(Number)
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING,
  retry: { retries: 200, initialRetryTime: 50, maxRetryTime: 500 } })

function expect(what, got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want))
    throw new Error(`${what}: ${JSON.stringify(got)}, expected ${JSON.stringify(want)}`)
}

// Runs `work` with a connected producer.
async function producing(options, work) {
  const producer = kafka.producer(options)
  await producer.connect()
  await work(producer)
  await producer.disconnect()
}

const modes = {
  async matrix() {
    for (const acks of [0, 1, -1])
      for (const [name, compression] of Object.entries(codecs))
        await producing({}, p => p.send({ topic: `${topic}-${name}-${acks}`, acks, compression,
          messages: Array.from({ length: 300 }, (_, i) => ({ value: 'v' + i, partition: 0 })) }))
  },

  // Consumes what matrix produced, and what others produced like it.
  async values() {
    const topics = [topic, ...rest]
    const got = new Map(topics.map(name => [name, []]))
    const consumer = kafka.consumer({ groupId: 'values' })
    await consumer.connect()
    await consumer.subscribe({ topics, fromBeginning: true })
    await new Promise((done, fail) => {
      consumer.on(consumer.events.CRASH, e => fail(e.payload.error))
      consumer.run({ eachMessage: async ({ topic: from, message }) => {
        got.get(from).push(message.value.toString())
        if (topics.every(name => got.get(name).length >= 300)) done()
      } }).catch(fail)
    })
    await consumer.disconnect()
    for (const name of topics)
      expect(name, got.get(name), Array.from({ length: 300 }, (_, i) => 'v' + i))
  },

  async positions() {
    const base = Date.now() - 100000
    await producing({}, p => p.send({ topic, acks: -1, messages:
      Array.from({ length: 100 }, (_, i) =>
        ({ value: 'v', partition: 0, timestamp: String(base + i * 1000) })) }))
    const admin = kafka.admin()
    await admin.connect()
    const [{ low, high, offset }] = await admin.fetchTopicOffsets(topic)
    expect('beginning and end', [low, high, offset], ['0', '100', '100'])
    for (const [when, want] of [[base, '0'], [base + 60000, '60'], [base + 60001, '61'],
      [base + 200000, '100']])
      expect('offset at a time', (await admin.fetchTopicOffsetsByTimestamp(topic, when))[0].offset,
        want)
    await admin.disconnect()
  },

  // Sends numbered values and says their digest.
  async write() {
    const sent = crypto.createHash('sha256')
    const filling = crypto.randomBytes(bytes / 2).toString('hex').slice(12)
    await producing({ idempotent: true, maxInFlightRequests: 1 }, async p => {
      for (let n = 0; n < count;) {
        const messages = []
        for (; messages.length < 64 && n < count; n++) {
          const value = Buffer.from(String(n).padStart(12, '0') + filling)
          sent.update(value)
          messages.push({ value, partition: 0 })
        }
        await p.send({ topic, acks: -1, messages })
      }
    })
    console.log('sha256', sent.digest('hex'))
  },

  // Says the digest of what write sent.
  async read() {
    const got = crypto.createHash('sha256')
    const consumer = kafka.consumer({ groupId: 'readers', maxBytesPerPartition: 8 << 20 })
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    let next = 0
    await new Promise((done, fail) => {
      consumer.on(consumer.events.CRASH, e => fail(e.payload.error))
      consumer.run({ eachBatch: async ({ batch }) => {
        for (const { value } of batch.messages) {
          expect('number', Number(value.subarray(0, 12)), next++)
          got.update(value)
        }
        if (next >= count) done()
      } }).catch(fail)
    })
    await consumer.disconnect()
    console.log('sha256', got.digest('hex'))
  },

  // Says each record's number when it is acknowledged.
  async storm() {
    await producing({ idempotent: true, maxInFlightRequests: 1 }, async p => {
      for (let n = 0; n < count; n += 50) {
        const numbers = Array.from({ length: 50 }, (_, i) => n + i)
        await p.send({ topic, acks: -1, messages:
          numbers.map(i => ({ value: `${i} ${'z'.repeat(90)}`, partition: 0 })) })
        process.stdout.write(numbers.map(i => `acked ${i}\n`).join(''))
      }
    })
  },
}
modes[mode]().then(() => console.log('ok'), e => { console.error(e); process.exit(1) })
