'use strict'
// Answers questions, one of JSON on each line of the standard input, until it ends. A question with a time is answered at
// that time, in Unix seconds, because libraries look at the clock by themselves.
const readline = require('node:readline')

const Real = Date
let now = null

globalThis.Date = class extends Real {
  constructor (...given) {
    if (given.length === 0 && now !== null) {
      super(now)
    } else {
      super(...given)
    }
  }

  static now () {
    return now === null ? Real.now() : now
  }
}

module.exports = async function serve (answers) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const q = JSON.parse(line)
    now = q.now === undefined ? null : q.now * 1000
    let answer
    try {
      if (!Object.hasOwn(answers, q.ask)) throw new TypeError('no such question: ' + q.ask)
      answer = { value: await answers[q.ask](q) }
    } catch (refused) {
      answer = { refused: String(refused.message), kind: refused.type ?? refused.name }
    }
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
}
