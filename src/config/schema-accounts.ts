// The part of the file that says where access tokens and refresh tokens are kept.
import { z } from 'zod'
import { path, section } from './schema-parts.ts'

const postgresUrl = z
  .string()
  .refine(
    (url) => /^postgres(?:ql)?:\/\/[^/]+\/[^/]+$/.test(url) && URL.canParse(url),
    'must be a URL such as postgres://dockgate@db.example.com/dockgate',
  )

const postgres = section({
  url: postgresUrl.describe('postgres://user[:password]@host[:port]/database, with the parameters of libpq.'),
  passwordFile: path.optional().describe('Read at every connection.'),
  ca: path
    .optional()
    .describe("PEM file of the authorities that sign the server's certificate; TLS is a must then."),
})

export const accounts = section({
  file: path.optional().describe('An SQLite database, made when it is needed; by default data/accounts.db.'),
  postgres: postgres.optional().describe('In place of the file, for several nodes.'),
})
  .optional()
  .describe('Where access tokens and refresh tokens are kept; their secrets never are.')
