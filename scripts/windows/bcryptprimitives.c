/* For tests only. Wine 8 lacks this library, which programs written in Go and Rust (esbuild, rolldown)
   take their random numbers from; Wine 10 and Windows have it. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID, ULONG); /* RtlGenRandom, in advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length) {
  while (length > 0) {
    ULONG part = length > 0x10000000u ? 0x10000000u : (ULONG)length;
    if (!SystemFunction036(bytes, part)) return FALSE;
    bytes += part;
    length -= part;
  }
  return TRUE;
}
