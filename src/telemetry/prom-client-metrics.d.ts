declare module 'prom-client/lib/metrics/*' {
  import type { Registry } from 'prom-client'

  const add: (registry: Registry, options: { readonly eventLoopMonitoringPrecision: number }) => void
  export default add
}
