/** /v1/sessions and /v1/devices. */
import type { FastifyPluginAsync } from 'fastify'
import { z } from 'zod'
import { AppError } from '../core/errors.js'
import { isId } from '../core/ids.js'
import { callerOf } from '../http/auth.js'
import { parseBody } from '../http/parse-body.js'
import { requireSameOrigin } from '../http/same-site.js'
import { clearSessionCookie, readSessionCookie, setSessionCookie } from '../http/session-cookie.js'
import type { Accounts } from './accounts.js'

// Lengths are checked where the rule is known; a JSON body is bounded as a whole.
const passwordBody = z.object({ email: z.string(), password: z.string() })
const linkBody = z.object({ link: z.string() })
const deviceBody = z.object({ name: z.string(), agree: z.boolean().optional() })

export const accountRoutes =
  ({ accounts }: { accounts: Accounts }): FastifyPluginAsync =>
  async app => {
    app.post('/v1/sessions', { config: { open: true } }, async (request, reply) => {
      // Another site could sign its visitor in as somebody else, who then reads what the visitor uploads.
      requireSameOrigin(request.headers)
      const { token, caller } = await signIn(request.body, request.ip)
      const person = await accounts.getPerson(caller.person)
      setSessionCookie(request, reply, token)
      return reply.code(201).send({ person, region: accounts.region.id })
    })

    app.delete('/v1/sessions', async (request, reply) => {
      const token = readSessionCookie(request)
      if (!callerOf(request).session || !token)
        throw new AppError('forbidden', 'Only a browser’s session can be ended here')
      await accounts.signOut(token)
      clearSessionCookie(request, reply)
      return reply.code(204).send()
    })

    app.get('/v1/devices', async request => ({ devices: await accounts.listDevices(callerOf(request).person) }))

    app.post('/v1/devices', async (request, reply) => {
      const caller = callerOf(request)
      // A stolen token must not be able to outlive its revocation by making another.
      if (!caller.session) throw new AppError('forbidden', 'A device cannot add devices. Sign in and add it there')
      const { name, agree = true } = parseBody(deviceBody, request.body)
      return reply.code(201).send(await accounts.addDevice(caller.person, name, { agree }))
    })

    app.delete<{ Params: { id: string } }>('/v1/devices/:id', async (request, reply) => {
      const { id } = request.params
      if (!isId(id)) throw new AppError('not_found', 'You have no such device')
      const caller = callerOf(request)
      // A stolen token must not be able to shut the others out.
      if (!caller.session && caller.device !== id)
        throw new AppError('forbidden', 'A device can revoke only itself. Sign in to revoke others')
      await accounts.revokeDevice(caller.person, id)
      return reply.code(204).send()
    })

    async function signIn(body: unknown, clientAddress: string) {
      const hasLink = typeof body === 'object' && body !== null && 'link' in body
      if (hasLink) return accounts.signInByLink(parseBody(linkBody, body).link)
      const { email, password } = parseBody(passwordBody, body)
      return accounts.signIn(email, password, clientAddress)
    }
  }
