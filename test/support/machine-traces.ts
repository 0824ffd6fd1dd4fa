/**
 * What could tell one machine and its person from others, and whether recorded bytes hold any of it: as it is, in hexadecimal or
 * base64, percent-encoded, inside of base64 words and JSON, or hashed.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import os from 'node:os'

/** Shorter words are found by chance. */
const charsMin = 5

/** By what they are called. What this machine does not have, or what is too short to be looked for, is not among them. */
export async function machineSecrets(): Promise<Record<string, string>> {
  const macs = Object.values(os.networkInterfaces())
    .flatMap(addresses => addresses ?? [])
    .filter(({ internal }) => !internal)
    .flatMap(({ mac, address }) => [mac, mac.replaceAll(':', ''), mac.replaceAll(':', '-'), address])
  const read = (path: string) => readFile(path, 'utf8').catch(() => '')
  const found = {
    'the host’s name': os.hostname(),
    'the user’s name': os.userInfo().username,
    'the home folder': os.homedir(),
    'the kernel’s version': os.release(),
    'the system’s name': os.version(),
    'the processor': os.cpus()[0]?.model ?? '',
    'the machine’s id': await read('/etc/machine-id'),
    'the board’s id': await read('/sys/class/dmi/id/product_uuid'),
    'the board’s number': await read('/sys/class/dmi/id/product_serial'),
    ...Object.fromEntries(macs.map(address => [`the interface’s address ${address}`, address])),
  }
  return Object.fromEntries(Object.entries(found).flatMap(([name, text]) => kept(name, text.trim())))
}

const kept = (name: string, text: string): [string, string][] =>
  text.length < charsMin || /^(00[:-]?)+$/.test(text) ? [] : [[name, text]]

/** The names of those secrets that can be found in what was sent. */
export function tracesIn(sent: readonly Buffer[], secrets: Readonly<Record<string, string>>): string[] {
  const texts = sent.flatMap(readings).map(text => text.toLowerCase())
  return Object.entries(secrets)
    .filter(([, secret]) => formsOf(secret).some(form => texts.some(text => text.includes(form.toLowerCase()))))
    .map(([name]) => name)
}

/** Bytes as they are, and what is written in them in the ways in which HTTP writes bytes; all as Latin-1, a character a byte. */
function readings(bytes: Buffer): string[] {
  const plain = bytes.toString('latin1')
  const unescaped = plain
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/\\u([0-9a-f]{4})/gi, (_, hex: string) => latin1(String.fromCharCode(Number.parseInt(hex, 16))))
    .replaceAll('\\/', '/')
  const words = plain.match(/[A-Za-z0-9+/_-]{6,}={0,2}/g) ?? []
  return [plain, unescaped, ...words.map(word => Buffer.from(word, 'base64').toString('latin1'))]
}

function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const hashes = ['md5', 'sha1', 'sha256', 'sha512'].map(name => createHash(name).update(bytes).digest())
  const spelled = [bytes, ...hashes].flatMap(each => [
    each.toString('hex'),
    each.toString('base64').replace(/=+$/, ''),
    each.toString('base64url'),
  ])
  return [latin1(secret), ...spelled]
}

const latin1 = (text: string): string => Buffer.from(text).toString('latin1')
