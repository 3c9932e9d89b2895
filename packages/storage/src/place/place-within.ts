import type { ContentPlace, PlacedSpan } from './content-place.ts'
import { memoryWithin } from './memory-place.ts'

/** As much of a place as holds `span`, to be sent to a thread: offsets stay those of the whole content. */
export function placeWithin(place: ContentPlace, span: PlacedSpan): ContentPlace {
  switch (place.kind) {
    case 'memory':
      return memoryWithin(place, span)
    case 'sealed':
      return { ...place, inner: placeWithin(place.inner, span) }
    default:
      return place
  }
}
