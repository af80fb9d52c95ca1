{
  # One target; the operating system's file is picked here, so native/ hardly needs an #ifdef.
  "targets": [{
    "target_name": "net_sockopt",
    "sources": [
      "native/batch.cc", "native/binding.cc", "native/find-socket.cc", "native/watcher.cc"
    ],
    "defines": ["NAPI_VERSION=8"],
    "xcode_settings": {
      "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
      "GCC_ENABLE_CPP_EXCEPTIONS": "NO",
      "GCC_ENABLE_CPP_RTTI": "NO",
      "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
      "WARNING_CFLAGS": ["-Wall", "-Wextra"],
      "MACOSX_DEPLOYMENT_TARGET": "11.0"
    },
    "conditions": [
      ["OS == 'linux'", {
        "sources": ["native/posix.cc", "native/linux.cc"],
        "cflags!": ["-O3", "-fno-omit-frame-pointer"],
        "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
        "cflags_cc": [
          "-std=c++20", "-O2", "-Wall", "-Wextra",
          # Nothing is exported but the two entry points of the version script below.
          "-fvisibility=hidden", "-fvisibility-inlines-hidden",
          "-fno-exceptions", "-fno-rtti", "-ffunction-sections", "-fdata-sections",
          # The checked variants (__recv_chk ...) exist in glibc only.
          "-U_FORTIFY_SOURCE"
        ],
        "ldflags!": ["-rdynamic"],
        # No library is named: node itself has libc, glibc's or musl's, so one file serves both.
        "ldflags": [
          "-nodefaultlibs", "-Wl,--gc-sections", "-Wl,--as-needed",
          "-Wl,-z,relro,-z,now,-z,noexecstack",
          "-Wl,--version-script=<(module_root_dir)/native/exports.map"
        ]
      }],
      ["OS == 'mac'", {
        "sources": ["native/posix.cc", "native/darwin.cc"],
        "xcode_settings": {
          "OTHER_LDFLAGS": ["-Wl,-exported_symbols_list,<(module_root_dir)/native/exports.txt"]
        }
      }],
      ["OS == 'win'", {
        "sources": ["native/win32.cc"],
        # Windows 10; TCP_INFO_v0 in mstcpip.h wants 1703 (NTDDI_WIN10_RS2) or later.
        "defines": ["_WIN32_WINNT=0x0A00", "NTDDI_VERSION=0x0A000003"],
        "libraries": ["ws2_32.lib", "iphlpapi.lib"],
        "msvs_settings": {
          "VCCLCompilerTool": {
            # std::span and concepts need C++20; /Zc:__cplusplus tells the truth about it.
            "AdditionalOptions": ["/std:c++20", "/Zc:__cplusplus", "/guard:cf"],
            "ExceptionHandling": "0",
            "RuntimeTypeInfo": "false",
            # The C runtime inside the file: no Visual C++ redistributable is needed on the user's machine.
            "RuntimeLibrary": "0",
            # Production quality, says its documentation; 4 warns of others' headers (uv.h) too.
            "WarningLevel": "3"
          },
          "VCLinkerTool": {
            # Control flow guard (/guard:cf) wants the linker's half too; the rest is dropped code.
            "AdditionalOptions": ["/guard:cf"],
            "OptimizeReferences": "2",
            "EnableCOMDATFolding": "2"
          }
        }
      }]
    ]
  }]
}
