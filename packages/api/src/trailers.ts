/**
 * Trailer of DownloadTask: bytes that did not have to travel to the daemon because pieces came packed, decimal. Dragonfly's
 * messages have no field for it, and its daemons do not send it.
 */
export const savedBytesTrailer = 'damselfly-saved-bytes'
