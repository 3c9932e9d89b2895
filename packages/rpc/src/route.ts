import type { DescService } from '@bufbuild/protobuf'
import type { ConnectRouter, ServiceImpl } from '@connectrpc/connect'

/** A service with its implementation; made by `route`. */
export interface Route {
  readonly service: DescService
  readonly register: (router: ConnectRouter) => void
}

export type Routes = readonly Route[]

/** Methods that are left out answer UNIMPLEMENTED. */
export function route<S extends DescService>(service: S, impl: Partial<ServiceImpl<S>>): Route {
  return {
    service,
    register: (router) => {
      router.service(service, impl)
    },
  }
}
