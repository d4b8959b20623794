"""Serialized samples by semi-internal functions of Cyclone DDS's C library.

A topic's descriptor is a single octet under the ROS type name: Cyclone then never looks into a sample, and sends no
XTypes information in discovery (which peers would compare with their own).
"""

from __future__ import annotations

import ctypes
import threading

from . import libddsc as dds
from .interface import ClosedError, Sample, TransportError
from .libddsc import check, lib, quick

_OPS = (ctypes.c_uint32 * 3)(0x01 << 24 | 0x01 << 16, 0, 0)  # one octet at offset 0, end


class LibrarySamples:
    def check(self, participant: int) -> None:
        """TransportError where a function is missing or a sample does not come out as it went in; nothing is sent."""
        if dds.missing:
            raise TransportError(f"the DDS library has no {', '.join(dds.missing)}")
        sample = bytearray(b"\0\1\0\0" + bytes(range(1, 8)))
        topic = self.create_topic(participant, "embedded_ros/check", "embedded_ros::Check")
        try:
            serialized = ctypes.c_void_p(_serialized(_sertype(topic), sample))
            came_out = _bytes(serialized)
            quick.ddsi_serdata_unref(serialized)
        finally:
            lib.dds_delete(topic)
        if came_out != sample:
            raise TransportError("the DDS library changes serialized samples")

    def create_topic(self, participant: int, name: str, type_name: str) -> int:
        descriptor = dds.TopicDescriptor(
            size=1, align=1, type_name=type_name.encode(), nops=len(_OPS), ops=_OPS, restrict_data_representation=1
        )
        return check(
            lib.dds_create_topic(participant, ctypes.byref(descriptor), name.encode(), None, None),
            f"create topic {name} of type {type_name}",
        )

    def writer(self, entity: int) -> LibraryWriter:
        return LibraryWriter(entity)

    def take(self, reader: int) -> Sample | None:
        serialized, info = ctypes.c_void_p(), dds.SampleInfo()
        while quick.dds_takecdr(reader, ctypes.byref(serialized), 1, ctypes.byref(info), dds.ANY_STATE) > 0:
            data = _bytes(serialized) if info.valid_data else None
            quick.ddsi_serdata_unref(serialized)
            if data is not None:  # else it only tells that a writer has gone
                return Sample(data, info.source_timestamp, info.publication_handle)
        return None


class LibraryWriter:
    """Makes no sample any more once `close` has begun: their type goes with the writer."""

    def __init__(self, entity: int) -> None:
        self._entity = entity
        self._sertype = _sertype(entity)
        self._lock = threading.Lock()
        self._closed = False

    def write(self, data: bytearray) -> None:
        with self._lock:
            if self._closed:
                raise ClosedError("DDS cannot write: the writer is closed")
            serialized = _serialized(self._sertype, data)
        code = lib.dds_writecdr(self._entity, serialized)
        if code < 0 and self._closed:
            raise ClosedError("DDS cannot write: the writer was closed meanwhile")
        check(code, "write")

    def close(self) -> None:
        with self._lock:
            self._closed = True


def _sertype(entity: int) -> ctypes.c_void_p:
    sertype = ctypes.c_void_p()
    check(quick.dds_get_entity_sertype(entity, ctypes.byref(sertype)), "find an entity's type")
    return sertype


def _serialized(sertype: ctypes.c_void_p, data: bytearray) -> int:
    start = ctypes.addressof(ctypes.c_char.from_buffer(data)) if data else None
    buffer = dds.IoVec(start, len(data))
    serialized = quick.ddsi_serdata_from_ser_iov(sertype, dds.SERDATA_DATA, 1, ctypes.byref(buffer), len(data))
    if not serialized:
        raise TransportError(f"DDS cannot take a message of {len(data)} bytes")
    return serialized


def _bytes(serialized: ctypes.c_void_p) -> bytearray:
    size = quick.ddsi_serdata_size(serialized)
    data = bytearray(size)
    quick.ddsi_serdata_to_ser(serialized, 0, size, ctypes.addressof(ctypes.c_char.from_buffer(data)))
    return data
