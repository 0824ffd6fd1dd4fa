/**
 * bull-board without a server of its own: what it says of its routes and its page, as plain data. Routes that would change
 * something are left out.
 */
import type {
  AppControllerRoute,
  BullBoardQueues,
  ControllerHandlerReturnType,
  IServerAdapter,
  UIConfig,
} from '@bull-board/api/typings/app'

export interface Board {
  staticFolder: string
  viewsFolder: string
  /** Where its page is; it reads its address itself. */
  pagePaths: string[]
  questions: { url: string; answer: (request: Asked) => Promise<{ status: number; body: unknown }> }[]
  /** The page, of its template. */
  render(template: string, basePath: string): string
}

export interface Asked {
  query: unknown
  params: unknown
  headers: Readonly<Record<string, string | string[] | undefined>>
}

/** `serverAdapter` is for createBullBoard, which hands over all there is; `board` gives it afterwards. */
export function collectBoard(): { serverAdapter: IServerAdapter; board: () => Board } {
  const got: {
    queues?: BullBoardQueues
    views?: string
    statics?: string
    entry?: Parameters<IServerAdapter['setEntryRoute']>[0]
    onError?: (error: Error) => ControllerHandlerReturnType
    routes?: AppControllerRoute[]
    ui?: UIConfig
  } = {}
  const serverAdapter: IServerAdapter = {
    setQueues: queues => keep({ queues }),
    setViewsPath: views => keep({ views }),
    setStaticPath: (_route, statics) => keep({ statics }),
    setEntryRoute: entry => keep({ entry }),
    setErrorHandler: onError => keep({ onError }),
    setApiRoutes: routes => keep({ routes }),
    setUIConfig: ui => keep({ ui }),
  }
  const keep = (part: Partial<typeof got>): IServerAdapter => {
    Object.assign(got, part)
    return serverAdapter
  }

  const board = (): Board => {
    const { queues, views, statics, entry, onError, routes, ui = {} } = got
    if (!queues || !views || !statics || !entry || !onError || !routes) throw new TypeError('the board is not made yet')
    const reading = routes.filter(({ method }) => [method].flat().every(one => one === 'get'))
    return {
      staticFolder: statics,
      viewsFolder: views,
      pagePaths: [entry.route].flat(),
      questions: reading.flatMap(({ route, handler }) =>
        [route].flat().map(url => ({
          url,
          answer: async ({ query, params, headers }: Asked) => {
            const asked = { queues, uiConfig: ui, body: {}, query: query as never, params: params as never }
            const answer = await (async () => handler({ ...asked, headers: headers as never }))().catch(onError)
            return { status: answer.status ?? 200, body: answer.body }
          },
        })),
      ),
      render: (template, basePath) => fill(template, entry.handler({ basePath, uiConfig: ui }).params),
    }
  }
  return { serverAdapter, board }
}

/** Its template has names alone in it: `<%= name %>`, and `<%- name %>` for what is JSON already. */
function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/<link[^>]+href="https?:[^>]+>/g, '').replace(/<%([=-])\s*(\w+)\s*%>/g, (_, kind, name) => {
    const value = values[name] ?? ''
    return kind === '-' ? value : escapeHtml(value)
  })
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
