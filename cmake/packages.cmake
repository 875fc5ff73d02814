# Every outside library, found once; a missing one is named with its Debian package.
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
set(INLET_YYJSON_ROOT "" CACHE PATH "Folder with include/yyjson.h and lib/libyyjson.so, where the system has no yyjson (Debian 12)")

function(inlet_package name module package)
  pkg_check_modules(${name} IMPORTED_TARGET ${module})
  if(NOT ${name}_FOUND)
    message(FATAL_ERROR "inlet needs the library '${module}': install Debian's package '${package}' (apt-get install ${package})")
  endif()
  add_library(inlet_${name} INTERFACE)
  target_link_libraries(inlet_${name} INTERFACE PkgConfig::${name})
endfunction()

inlet_package(mariadb libmariadb libmariadb-dev)
inlet_package(zstd libzstd libzstd-dev)
inlet_package(yaml yaml-0.1 libyaml-dev)
inlet_package(pcre2 libpcre2-8 libpcre2-dev)
inlet_package(zlib zlib zlib1g-dev)

# Debian 12's package has no file for pkg-config.
find_path(ROARING_INCLUDE roaring/roaring.h)
find_library(ROARING_LIBRARY NAMES roaring)
if(NOT ROARING_INCLUDE OR NOT ROARING_LIBRARY)
  message(FATAL_ERROR "inlet needs the library 'roaring': install Debian's package 'libroaring-dev' (apt-get install libroaring-dev)")
endif()
add_library(inlet_roaring INTERFACE)
target_link_libraries(inlet_roaring INTERFACE ${ROARING_LIBRARY})

find_path(YYJSON_INCLUDE yyjson.h HINTS ${INLET_YYJSON_ROOT}/include)
find_library(YYJSON_LIBRARY NAMES yyjson HINTS ${INLET_YYJSON_ROOT}/lib)
if(NOT YYJSON_INCLUDE OR NOT YYJSON_LIBRARY)
  message(FATAL_ERROR "inlet needs the library 'yyjson': install Debian's package 'libyyjson-dev' (Debian 13; on Debian 12 "
    "run 'sh tests/run.sh packages', which takes it from Debian 13 into build/yyjson)")
endif()
add_library(inlet_yyjson INTERFACE)
target_include_directories(inlet_yyjson INTERFACE ${YYJSON_INCLUDE})
target_link_libraries(inlet_yyjson INTERFACE ${YYJSON_LIBRARY})
