/**
 * Requests that carry an object's bytes: signed by the SDK's own signer, with its credentials and clock, and sent without the
 * rest of the SDK, which would spend more on a small photo than the sending itself does.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import type { Agent, IncomingMessage } from 'node:http'
import { HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { exchange, isSuccess, type Message, type Target } from './http-exchange.js'
import { S3Failure } from './s3-errors.js'

export interface S3Request {
  method: 'GET' | 'PUT'
  key: string
  query?: Record<string, string>
  /** Besides those of the signature and the length; names in lower case. */
  headers?: Record<string, string>
  body?: Message['body']
  /** Of the body. */
  sizeBytes?: number
  /** Of the body, lower-case hex: the service checks it. Without it the body isn't signed. */
  sha256?: string | undefined
  signal?: AbortSignal | undefined
}

/** Resolves with an answer of success. Rejects with the S3Failure that the service answered, or with what broke the exchange. */
export type SendToBucket = (request: S3Request) => Promise<IncomingMessage>

/** More than the longest error that S3 answers. */
const failureLengthMax = 64 * 1024
const sha256OfNothing = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

export function s3Requests(client: S3Client, bucket: string, agents: Record<Target['protocol'], Agent>): SendToBucket {
  let known: Promise<Address> | undefined
  const address = () => {
    known ??= addressOf(client, bucket).catch(error => {
      known = undefined
      throw error
    })
    return known
  }

  return async ({ method, key, query = {}, headers = {}, body, sizeBytes, sha256, signal }) => {
    const { signer, protocol, host, hostname, port, pathname } = await address()
    const path = `${pathname}/${escaped(key).replaceAll('%2F', '/')}`
    const payload = sha256 ?? (body ? 'UNSIGNED-PAYLOAD' : sha256OfNothing)
    const unsigned = { ...headers, host, 'x-amz-content-sha256': payload }
    const signed = await signer.sign(
      { method, protocol, hostname, path, query, headers: unsigned },
      { signingDate: new Date(Date.now() + client.config.systemClockOffset) },
    )
    if (body) signed.headers['content-length'] = String(sizeBytes)
    const message = { method, path: path + queryString(query), headers: signed.headers, body }
    const answer = await exchange({ protocol, hostname, port, agent: agents[protocol] }, message, signal)
    if (isSuccess(answer)) return answer
    const failure = await failureOf(answer)
    if (failure.name === 'RequestTimeTooSkewed') setClock(client, answer)
    throw failure
  }
}

type Signer = Awaited<ReturnType<S3Client['config']['signer']>>

interface Address extends Omit<Target, 'agent'> {
  signer: Signer
  /** As the Host header has it. */
  host: string
  /** What comes before a key; '' where the bucket is in the host's name. */
  pathname: string
}

/** Where the bucket is, found by the SDK with all its rules: partitions, path style, FIPS, endpoints of one's own. */
async function addressOf(client: S3Client, bucket: string): Promise<Address> {
  const url = new URL(await getSignedUrl(client, new HeadBucketCommand({ Bucket: bucket })))
  const { protocol, host, port, pathname } = url
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error(`S3 is not reached by ${protocol}`)
  const hostname = url.hostname.replace(/^\[|\]$/g, '')
  return { signer: await client.config.signer(), protocol, host, hostname, port, pathname: pathname.replace(/\/$/, '') }
}

/** The SDK does the same with the answers it gets; what is tried again then comes at the right time. */
function setClock(client: S3Client, { headers }: IncomingMessage): void {
  const serverMs = Date.parse(headers.date ?? '')
  if (!Number.isNaN(serverMs)) client.config.systemClockOffset = serverMs - Date.now()
}

async function failureOf(answer: IncomingMessage): Promise<S3Failure> {
  let text = ''
  answer.setEncoding('utf8')
  for await (const piece of answer) {
    text += piece
    if (text.length > failureLengthMax) break
  }
  const { statusCode, headers } = answer
  const element = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1]
  const requestId = headers['x-amz-request-id']
  return new S3Failure(
    element('Code') || 'NoCode',
    element('Message') || `S3 answered ${statusCode}`,
    statusCode,
    typeof requestId === 'string' ? requestId : undefined,
  )
}

function queryString(query: Record<string, string>): string {
  const pairs = Object.entries(query).map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
  return pairs.length > 0 ? `?${pairs.join('&')}` : ''
}

/** All but RFC 3986's unreserved characters, as the signature has it. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}
