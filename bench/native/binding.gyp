{
  "targets": [{
    "target_name": "floor",
    "sources": ["floor.cc"],
    "cflags_cc": ["-std=c++20", "-O2", "-Wall", "-Wextra", "-Werror"]
  }]
}
