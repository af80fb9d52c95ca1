// The addon names node.exe as the library that has Node-API. Where the host is called something else,
// this hook gives the host itself instead. node-gyp brings such a hook with MSVC; MinGW has none.

#include <windows.h>

// After windows.h, whose types it uses.
#include <delayimp.h>

static FARPROC WINAPI LoadHost(unsigned event, DelayLoadInfo* info) {
  if (event != dliNotePreLoadLibrary || lstrcmpiA(info->szDll, "node.exe") != 0) return nullptr;
  // Hosts with Node in a library of its own, then Node itself under whatever name.
  HMODULE host = GetModuleHandleA("node.dll");
  if (host == nullptr) host = GetModuleHandleA(nullptr);
  return reinterpret_cast<FARPROC>(host);
}

// Not `extern`: only a definition takes the place of the library's own.
PfnDliHook __pfnDliNotifyHook2 = LoadHost;
