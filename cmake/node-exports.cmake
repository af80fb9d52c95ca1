# Makes the import library of what node.exe exports and the addon uses, for delayed loading: Node-API by
# node-api-headers, libuv by the names in native/.

execute_process(
  COMMAND node -p "require('node-api-headers').def_paths.node_api_def"
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
  OUTPUT_VARIABLE node_api_def OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS ${node_api_def} exports REGEX "^ *n(api|ode)_")
foreach(source IN LISTS sources)
  file(STRINGS ${source} lines REGEX "[^a-z_]uv_[a-z_]+\\(")
  foreach(line IN LISTS lines)
    string(REGEX MATCHALL "[^a-z_]uv_[a-z_]+\\(" calls "${line}")
    list(TRANSFORM calls REPLACE "^.(.*).$" "\\1")
    list(APPEND exports ${calls})
  endforeach()
endforeach()
list(REMOVE_DUPLICATES exports)
list(JOIN exports "\n" exports)
file(WRITE ${CMAKE_BINARY_DIR}/node.def "NAME NODE.EXE\nEXPORTS\n${exports}\n")
execute_process(
  COMMAND x86_64-w64-mingw32-dlltool -d ${CMAKE_BINARY_DIR}/node.def
    -y ${CMAKE_BINARY_DIR}/libnode_delay.a -m i386:x86-64
  COMMAND_ERROR_IS_FATAL ANY)
