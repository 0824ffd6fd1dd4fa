/**
 * Which group each photo belongs to, now that some were found to be alike. A group keeps its id as it grows; where two become one, the
 * older id stays, which is the lesser (groupId). Pure, but for the ids of new groups.
 */

export interface Member {
  id: string
  /** The one it is in so far. */
  group: string | null
}

export interface Regrouping {
  /** Every photo that is alike to another, with its group from now on. */
  groups: { photo: string; group: string }[]
  /** Groups that are now part of another one. */
  merges: { loser: string; winner: string }[]
}

/** `members` holds every photo of `pairs`. */
export function regroup(
  members: ReadonlyMap<string, Member>,
  pairs: readonly (readonly [string, string])[],
  newGroup: () => string,
): Regrouping {
  // A photo is joined to the photos that it is like, and to the group that it is in.
  const leaders = new Map<string, string>()
  const leaderOf = (node: string): string => {
    let leader = node
    for (let next = leaders.get(leader); next !== undefined; next = leaders.get(leader)) leader = next
    if (leader !== node) leaders.set(node, leader)
    return leader
  }
  const join = (a: string, b: string) => {
    const [one, other] = [leaderOf(a), leaderOf(b)]
    if (one !== other) leaders.set(one, other)
  }
  const photos = new Set(pairs.flat())
  const groups = new Set<string>()
  for (const [a, b] of pairs) join(a, b)
  for (const photo of photos) {
    const group = members.get(photo)?.group ?? null
    if (group === null) continue
    groups.add(group)
    join(photo, asNode(group))
  }

  const winners = new Map<string, string>()
  for (const group of groups) {
    const leader = leaderOf(asNode(group))
    const winner = winners.get(leader)
    if (winner === undefined || group < winner) winners.set(leader, group)
  }
  const groupOf = (photo: string): string => {
    const leader = leaderOf(photo)
    const known = winners.get(leader)
    if (known !== undefined) return known
    const group = newGroup()
    winners.set(leader, group)
    return group
  }
  return {
    groups: Array.from(photos, photo => ({ photo, group: groupOf(photo) })),
    merges: Array.from(groups, loser => ({ loser, winner: winners.get(leaderOf(asNode(loser))) as string })).filter(
      ({ loser, winner }) => loser !== winner,
    ),
  }
}

/** Ids of groups and of photos look alike, and are never mistaken for each other so. */
const asNode = (group: string) => `group ${group}`
