import type {
  DescMessage,
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodClientStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageInitShape,
  MessageShape,
} from '@bufbuild/protobuf'

/** What a handler is told of its call. */
export interface CallContext {
  /** Aborts when nobody needs the answer any more, or when the server stops. */
  readonly signal: AbortSignal
  /** Sent after the last message of a call that succeeds; for what no message of its service has a field for. */
  readonly trailer: Record<string, string>
}

type Init<D extends DescMessage> = MessageInitShape<D>
type Shape<D extends DescMessage> = MessageShape<D>

type MethodImpl<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: Shape<I>, context: CallContext) => Promise<Init<O>> | Init<O>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: Shape<I>, context: CallContext) => AsyncIterable<Init<O>>
      : M extends DescMethodClientStreaming<infer I, infer O>
        ? (requests: AsyncIterable<Shape<I>>, context: CallContext) => Promise<Init<O>>
        : M extends DescMethodBiDiStreaming<infer I, infer O>
          ? (requests: AsyncIterable<Shape<I>>, context: CallContext) => AsyncIterable<Init<O>>
          : never

/** What implements a service: a function for each method. */
export type ServiceImpl<S extends DescService> = {
  [Name in keyof S['method']]: MethodImpl<S['method'][Name]>
}

/** A method with its implementation, whatever its kind. */
export interface MethodRoute {
  readonly method: DescMethod
  /** `undefined` answers UNIMPLEMENTED. */
  readonly implementation: ((input: unknown, context: CallContext) => unknown) | undefined
}

/** A service with its implementation; made by `route`. */
export interface Route {
  readonly service: DescService
  readonly methods: readonly MethodRoute[]
}

export type Routes = readonly Route[]

/** Methods that are left out answer UNIMPLEMENTED. */
export function route<S extends DescService>(service: S, impl: Partial<ServiceImpl<S>>): Route {
  // Each function fits its own method; together they have no type.
  const functions = impl as unknown as Readonly<Record<string, MethodRoute['implementation']>>
  return {
    service,
    methods: service.methods.map((method) => ({
      method,
      implementation: functions[method.localName],
    })),
  }
}

/** Where the method is called. */
export function pathOf({ parent, name }: DescMethod): string {
  return `/${parent.typeName}/${name}`
}
