"""The functions of Cyclone DDS's C library that the transport calls, by ctypes.

The library comes in the `cyclonedds` wheel. Some symbols are semi-internal (serialized samples), hence the pinned minor
version; `library_samples` tries them out before use. Calls that may block go through `lib` (ctypes lets go of the GIL);
short ones go through `quick`, which keeps it: handing the GIL over costs up to one switch interval to win back when
another thread computes.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from importlib import metadata
from pathlib import Path
from typing import Any

from .interface import TransportError

WANTED = "11.0."

DURATION_INFINITE = 0x7FFFFFFFFFFFFFFF
BUILTIN_PUBLICATIONS = 0x7FFF0000 + 3
BUILTIN_SUBSCRIPTIONS = 0x7FFF0000 + 4
CYCLONEDDS_HANDLE = 0x7FFF0000 + 256
ANY_STATE = 0x7F
ALIVE_STATE = 0x1F  # any sample and view state, instance alive
DATA_AVAILABLE = 1 << 8
SERDATA_DATA = 2
RETCODE_PRECONDITION_NOT_MET = -4


class TypeMeta(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("size", c_uint32)]


class TopicDescriptor(ctypes.Structure):
    """`dds_topic_descriptor_t`."""

    _fields_ = [
        ("size", c_uint32),
        ("align", c_uint32),
        ("flagset", c_uint32),
        ("nkeys", c_uint32),
        ("type_name", c_char_p),
        ("keys", c_void_p),
        ("nops", c_uint32),
        ("ops", POINTER(c_uint32)),
        ("meta", c_char_p),
        ("type_information", TypeMeta),
        ("type_mapping", TypeMeta),
        ("restrict_data_representation", c_uint32),
    ]


class SampleInfo(ctypes.Structure):
    """`dds_sample_info_t`."""

    _fields_ = [
        ("sample_state", c_int),
        ("view_state", c_int),
        ("instance_state", c_int),
        ("valid_data", c_bool),
        ("source_timestamp", c_int64),
        ("instance_handle", c_uint64),
        ("publication_handle", c_uint64),
        ("disposed_generation_count", c_uint32),
        ("no_writers_generation_count", c_uint32),
        ("sample_rank", c_uint32),
        ("generation_rank", c_uint32),
        ("absolute_generation_rank", c_uint32),
    ]


class Guid(ctypes.Structure):
    _fields_ = [("value", ctypes.c_uint8 * 16)]


class BuiltinEndpoint(ctypes.Structure):
    """`dds_builtintopic_endpoint_t`."""

    _fields_ = [
        ("key", Guid),
        ("participant_key", Guid),
        ("participant_instance_handle", c_uint64),
        ("topic_name", c_char_p),
        ("type_name", c_char_p),
        ("qos", c_void_p),
    ]


class IoVec(ctypes.Structure):
    _fields_ = [("base", c_void_p), ("length", c_size_t)]


class CountStatus(ctypes.Structure):
    """The deadline missed, liveliness lost and sample lost statuses; some end in an instance's handle."""

    _fields_ = [("total_count", c_uint32), ("total_count_change", c_int32), ("last_instance_handle", c_uint64)]


class IncompatibleQosStatus(ctypes.Structure):
    """`dds_offered_incompatible_qos_status_t` and `dds_requested_incompatible_qos_status_t`."""

    _fields_ = [("total_count", c_uint32), ("total_count_change", c_int32), ("last_policy_id", c_uint32)]


class MatchedStatus(ctypes.Structure):
    """`dds_publication_matched_status_t` and `dds_subscription_matched_status_t`."""

    _fields_ = [
        ("total_count", c_uint32),
        ("total_count_change", c_int32),
        ("current_count", c_uint32),
        ("current_count_change", c_int32),
        ("last_peer_handle", c_uint64),
    ]


class LivelinessChangedStatus(ctypes.Structure):
    """`dds_liveliness_changed_status_t`."""

    _fields_ = [
        ("alive_count", c_uint32),
        ("not_alive_count", c_uint32),
        ("alive_count_change", c_int32),
        ("not_alive_count_change", c_int32),
        ("last_publication_handle", c_uint64),
    ]


_BLOCKING: dict[str, tuple[Any, list[Any]]] = {
    "dds_create_domain": (c_int32, [c_uint32, c_char_p]),
    "dds_create_participant": (c_int32, [c_uint32, c_void_p, c_void_p]),
    "dds_create_topic": (c_int32, [c_int32, POINTER(TopicDescriptor), c_char_p, c_void_p, c_void_p]),
    "dds_create_writer": (c_int32, [c_int32, c_int32, c_void_p, c_void_p]),
    "dds_create_reader": (c_int32, [c_int32, c_int32, c_void_p, c_void_p]),
    "dds_create_waitset": (c_int32, [c_int32]),
    "dds_create_guardcondition": (c_int32, [c_int32]),
    "dds_waitset_attach": (c_int32, [c_int32, c_int32, c_int64]),
    "dds_waitset_detach": (c_int32, [c_int32, c_int32]),
    "dds_waitset_wait": (c_int32, [c_int32, POINTER(c_int64), c_size_t, c_int64]),
    "dds_delete": (c_int32, [c_int32]),
    "dds_writecdr": (c_int32, [c_int32, c_void_p]),
    "dds_assert_liveliness": (c_int32, [c_int32]),
}

_QUICK: dict[str, tuple[Any, list[Any]]] = {
    "dds_strretcode": (c_char_p, [c_int32]),
    "dds_create_qos": (c_void_p, []),
    "dds_delete_qos": (None, [c_void_p]),
    "dds_qset_history": (None, [c_void_p, c_int, c_int32]),
    "dds_qset_reliability": (None, [c_void_p, c_int, c_int64]),
    "dds_qset_durability": (None, [c_void_p, c_int]),
    "dds_qset_durability_service": (None, [c_void_p, c_int64, c_int, c_int32, c_int32, c_int32, c_int32]),
    "dds_qset_deadline": (None, [c_void_p, c_int64]),
    "dds_qset_lifespan": (None, [c_void_p, c_int64]),
    "dds_qset_liveliness": (None, [c_void_p, c_int, c_int64]),
    "dds_qset_writer_data_lifecycle": (None, [c_void_p, c_bool]),
    "dds_qset_userdata": (None, [c_void_p, c_char_p, c_size_t]),
    "dds_qset_data_representation": (None, [c_void_p, c_uint32, POINTER(ctypes.c_int16)]),
    "dds_qget_history": (c_bool, [c_void_p, POINTER(c_int), POINTER(c_int32)]),
    "dds_qget_reliability": (c_bool, [c_void_p, POINTER(c_int), POINTER(c_int64)]),
    "dds_qget_durability": (c_bool, [c_void_p, POINTER(c_int)]),
    "dds_qget_deadline": (c_bool, [c_void_p, POINTER(c_int64)]),
    "dds_qget_lifespan": (c_bool, [c_void_p, POINTER(c_int64)]),
    "dds_qget_liveliness": (c_bool, [c_void_p, POINTER(c_int), POINTER(c_int64)]),
    "dds_qget_userdata": (c_bool, [c_void_p, POINTER(c_void_p), POINTER(c_size_t)]),
    "dds_free": (None, [c_void_p]),
    "dds_get_entity_sertype": (c_int32, [c_int32, POINTER(c_void_p)]),
    "dds_get_guid": (c_int32, [c_int32, POINTER(Guid)]),
    "dds_get_instance_handle": (c_int32, [c_int32, POINTER(c_uint64)]),
    "dds_get_matched_publications": (c_int32, [c_int32, POINTER(c_uint64), c_size_t]),
    "dds_get_matched_subscriptions": (c_int32, [c_int32, POINTER(c_uint64), c_size_t]),
    "dds_get_matched_publication_data": (POINTER(BuiltinEndpoint), [c_int32, c_uint64]),
    "dds_get_matched_subscription_data": (POINTER(BuiltinEndpoint), [c_int32, c_uint64]),
    "dds_builtintopic_free_endpoint": (None, [POINTER(BuiltinEndpoint)]),
    "dds_set_status_mask": (c_int32, [c_int32, c_uint32]),
    "dds_take_status": (c_int32, [c_int32, POINTER(c_uint32), c_uint32]),
    "dds_get_offered_deadline_missed_status": (c_int32, [c_int32, POINTER(CountStatus)]),
    "dds_get_requested_deadline_missed_status": (c_int32, [c_int32, POINTER(CountStatus)]),
    "dds_get_liveliness_lost_status": (c_int32, [c_int32, POINTER(CountStatus)]),
    "dds_get_sample_lost_status": (c_int32, [c_int32, POINTER(CountStatus)]),
    "dds_get_offered_incompatible_qos_status": (c_int32, [c_int32, POINTER(IncompatibleQosStatus)]),
    "dds_get_requested_incompatible_qos_status": (c_int32, [c_int32, POINTER(IncompatibleQosStatus)]),
    "dds_get_publication_matched_status": (c_int32, [c_int32, POINTER(MatchedStatus)]),
    "dds_get_subscription_matched_status": (c_int32, [c_int32, POINTER(MatchedStatus)]),
    "dds_get_liveliness_changed_status": (c_int32, [c_int32, POINTER(LivelinessChangedStatus)]),
    "dds_set_guardcondition": (c_int32, [c_int32, c_bool]),
    "dds_take_guardcondition": (c_int32, [c_int32, POINTER(c_bool)]),
    "dds_read_mask": (c_int32, [c_int32, POINTER(c_void_p), POINTER(SampleInfo), c_size_t, c_uint32, c_uint32]),
    "dds_return_loan": (c_int32, [c_int32, POINTER(c_void_p), c_int32]),
    "dds_takecdr": (c_int32, [c_int32, POINTER(c_void_p), c_uint32, POINTER(SampleInfo), c_uint32]),
    "ddsi_serdata_from_ser_iov": (c_void_p, [c_void_p, c_int, c_size_t, POINTER(IoVec), c_size_t]),
    "ddsi_serdata_size": (c_uint32, [c_void_p]),
    "ddsi_serdata_to_ser": (None, [c_void_p, c_size_t, c_size_t, c_void_p]),
    "ddsi_serdata_unref": (None, [c_void_p]),
}


_SEMI_INTERNAL = {
    "dds_get_entity_sertype",
    "dds_takecdr",
    "dds_writecdr",
    "ddsi_serdata_from_ser_iov",
    "ddsi_serdata_size",
    "ddsi_serdata_to_ser",
    "ddsi_serdata_unref",
}


def _load() -> tuple[Any, Any, list[str]]:
    """The library twice, letting go of the GIL and keeping it, and which semi-internal functions it lacks."""
    try:
        version = metadata.version("cyclonedds")
        import cyclonedds.__library__ as location
    except (ImportError, metadata.PackageNotFoundError, IndexError) as error:
        raise TransportError(
            f"the cyclonedds package cannot be loaded ({error}); pip install 'cyclonedds=={WANTED}*' "
            "(it has wheels for Linux x86_64, macOS arm64 and Windows; elsewhere use a real ROS 2)"
        ) from error
    if not version.startswith(WANTED):
        raise TransportError(
            f"cyclonedds {version} is installed, {WANTED}* is needed; pip install 'cyclonedds=={WANTED}*'"
        )
    path = str(Path(location.library_path).resolve())
    missing = []
    try:
        blocking, keeping_gil = ctypes.CDLL(path), ctypes.PyDLL(path)
        for library, functions in ((blocking, _BLOCKING), (keeping_gil, _QUICK)):
            for name, (result, arguments) in functions.items():
                if name in _SEMI_INTERNAL and not hasattr(library, name):
                    missing.append(name)
                    continue
                function = getattr(library, name)
                function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise TransportError(f"cyclonedds {version} at {path} cannot be used: {error}") from error
    return blocking, keeping_gil, missing


lib, quick, missing = _load()


def check(code: int, what: str) -> int:
    """The handle or count that a call returned, or TransportError with Cyclone's reason."""
    if code < 0:
        reason = quick.dds_strretcode(code).decode()
        raise TransportError(f"DDS cannot {what}: {reason}")
    return code
