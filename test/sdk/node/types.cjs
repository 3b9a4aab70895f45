'use strict'
// Judges answers of LemonSqueezy's API by the types that its library declares for them.
const path = require('node:path')
const ts = require('typescript')
const serve = require('./lines.cjs')

const file = path.join(process.env.NODE_PATH, '..', 'answer.ts')
const options = {
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
  lib: ['lib.es2015.d.ts'],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler
}
const host = ts.createCompilerHost(options)
const { fileExists, getSourceFile } = host
const parsed = new Map()
let source = ''
let program

host.fileExists = name => name === file || fileExists(name)
host.getSourceFile = (name, version) => {
  if (name === file) return ts.createSourceFile(name, source, version)
  if (!parsed.has(name)) parsed.set(name, getSourceFile(name, version))
  return parsed.get(name)
}

serve({
  // What is wrong, in sentences. The answer is written out as a literal: what no type has is wrong in it, too.
  judge: q => {
    const text = JSON.stringify(q.answer)
    source = `import type { ${q.type} } from '@lemonsqueezy/lemonsqueezy.js'\nexport const answer: ${q.type} = ${text}`
    program = ts.createProgram([file], options, host, program)
    return ts.getPreEmitDiagnostics(program).map(d =>
      ts.flattenDiagnosticMessageText(d.messageText, '\n') + '\n  at ' + source.slice(d.start, d.start + 60))
  }
})
