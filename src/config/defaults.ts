// What runs when no configuration file is given, written as a file would be.

/** The account that the first run makes. */
export const ADMIN_NAME = 'admin'

/** Where the first run keeps it. */
export const DEFAULT_HTPASSWD_FILE = 'config/htpasswd'

/** Same shape as the file; what is left out here has the schema's own default. */
export const DEFAULT_FILE = {
  listen: [{ address: ':5443', tls: 'auto' }],
  auth: { htpasswd: { file: DEFAULT_HTPASSWD_FILE } },
  access: [
    { repositories: ['**'], pull: ['$authenticated'] },
    { repositories: ['**'], pull: [ADMIN_NAME], push: [ADMIN_NAME], delete: [ADMIN_NAME] },
    { catalog: [ADMIN_NAME], admin: [ADMIN_NAME] },
  ],
  upstreams: { hub: { url: 'https://registry-1.docker.io', namespace: 'docker.io' } },
  repositories: {
    'docker.io/**': { mirror: 'hub', store: 'mirror', tagTtl: '2d' },
    '**': { store: 'main' },
  },
  stores: {
    main: { filesystem: { root: 'data/registry' } },
    mirror: { filesystem: { root: 'data/mirror' } },
  },
} as const
