// `$md5` of Solaris: rounds of MD5 that take in a speech of Hamlet at half of the coin tosses.
import { hash as digestOf } from 'node:crypto'
import { encodeGroups } from './crypt64.ts'
import { roundsTraits, type HashKind } from './hash-kind.ts'
import { MD5_ORDER } from './md5-crypt.ts'

const BASIC_ROUNDS = 4096
const MOST_ROUNDS = 1_000_000
/** Act 3, scene 1; its last byte is a zero. */
const HAMLET = Buffer.from(
  `To be, or not to be,--that is the question:--
Whether 'tis nobler in the mind to suffer
The slings and arrows of outrageous fortune
Or to take arms against a sea of troubles,
And by opposing end them?--To die,--to sleep,--
No more; and by a sleep to say we end
The heartache, and the thousand natural shocks
That flesh is heir to,--'tis a consummation
Devoutly to be wish'd. To die,--to sleep;--
To sleep! perchance to dream:--ay, there's the rub;
For in that sleep of death what dreams may come,
When we have shuffled off this mortal coil,
Must give us pause: there's the respect
That makes calamity of so long life;
For who would bear the whips and scorns of time,
The oppressor's wrong, the proud man's contumely,
The pangs of despis'd love, the law's delay,
The insolence of office, and the spurns
That patient merit of the unworthy takes,
When he himself might his quietus make
With a bare bodkin? who would these fardels bear,
To grunt and sweat under a weary life,
But that the dread of something after death,--
The undiscover'd country, from whose bourn
No traveller returns,--puzzles the will,
And makes us rather bear those ills we have
Than fly to others that we know not of?
Thus conscience does make cowards of us all;
And thus the native hue of resolution
Is sicklied o'er with the pale cast of thought;
And enterprises of great pith and moment,
With this regard, their currents turn awry,
And lose the name of action.--Soft you now!
The fair Ophelia!--Nymph, in thy orisons
Be all my sins remember'd.
\0`,
)

export const SUN_MD5: HashKind = {
  name: 'sunmd5',
  pattern: /^\$md5[$,](?:rounds=[1-9][0-9]{0,9}\$)?[./A-Za-z0-9]*\$?\$[./A-Za-z0-9]{22}$/,
  traits: (hash) => ({
    ...roundsTraits(roundsOf(hash), { few: 0, most: MOST_ROUNDS }),
    weakness: 'MD5 is too quick',
  }),
  compute(password, hash) {
    // All before the last dollar sign is the salt, the prefix too, and a dollar sign that stands before that one.
    const setting = hash.slice(0, hash.lastIndexOf('$'))
    let digest = md5(Buffer.concat([password, Buffer.from(setting)]))
    for (let round = 0; round < roundsOf(hash); round++) {
      const parts = [digest, ...(isHeads(digest, round) ? [HAMLET] : []), Buffer.from(String(round))]
      digest = md5(Buffer.concat(parts))
    }
    return `${setting}$${encodeGroups(digest, MD5_ORDER)}`
  },
}

function roundsOf(hash: string): number {
  return BASIC_ROUNDS + Number(/^\$md5.rounds=([0-9]+)/.exec(hash)?.[1] ?? 0)
}

/** The coin toss: bits of the digest, picked by bytes of the digest. */
function isHeads(digest: Buffer, round: number): boolean {
  const x = sideOf(digest, 0) >> bitAt(digest, round)
  const y = sideOf(digest, 8) >> bitAt(digest, round + 64)
  return bitAt(digest, x) !== bitAt(digest, y)
}

function sideOf(digest: Buffer, start: number): number {
  const byteAt = (index: number): number => digest[index % 16] ?? 0
  let side = 0
  for (let bit = 0; bit < 8; bit++) {
    const [one, other] = [byteAt(start + bit), byteAt(start + bit + 3)]
    const picked = byteAt(one >> (other % 5)) >> ((other >> (one % 8)) & 1)
    side |= bitAt(digest, picked) << bit
  }
  return side
}

function bitAt(digest: Buffer, index: number): number {
  return ((digest[(index % 128) >> 3] ?? 0) >> (index % 8)) & 1
}

function md5(message: Buffer): Buffer {
  return digestOf('md5', message, 'buffer')
}
