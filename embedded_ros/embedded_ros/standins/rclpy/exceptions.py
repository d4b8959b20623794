"""The exceptions of rclpy."""

from __future__ import annotations


class RCLError(RuntimeError):
    """What rclpy's C layer raises; real rclpy keeps it in `_rclpy_pybind11`, so nodes catch RuntimeError."""


class NodeNameNonExistentError(RCLError):
    """Raised when the graph has no node of the name asked for."""


class NotInitializedException(Exception):
    """Raised when something needs `rclpy.init()` first."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__("rclpy.init() has not been called" + (f": {message}" if message else ""))


class InvalidHandle(RuntimeError):
    """Raised when a destroyed entity is used."""


class NoTypeSupportImportedException(Exception):
    """Raised when a class that is no message or service is given as an interface type."""


class ROSInterruptException(Exception):
    """Raised when a wait ends because the context is shut down."""

    def __init__(self) -> None:
        super().__init__("rclpy.shutdown() has been called")


class NameValidationException(Exception):
    """Raised when a name breaks the rules; points at the offending character."""

    def __init__(self, name_type: str, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__(f"Invalid {name_type}: {error_msg}:\n  '{name}'\n   {' ' * invalid_index}^")
        self.name_type = name_type
        self.name = name
        self.error_msg = error_msg
        self.invalid_index = invalid_index


class InvalidNodeNameException(NameValidationException):
    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("node name", name, error_msg, invalid_index)


class InvalidNamespaceException(NameValidationException):
    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("namespace", name, error_msg, invalid_index)


class InvalidTopicNameException(NameValidationException):
    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("topic name", name, error_msg, invalid_index)


class InvalidServiceNameException(NameValidationException):
    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("service name", name, error_msg, invalid_index)


class ParameterException(Exception):
    """Base of the parameter errors; `args[1]` holds the parameters concerned."""

    def __init__(self, error_msg: str, parameters: object, *args: object) -> None:
        super().__init__(error_msg, parameters, *args)

    def __str__(self) -> str:
        return str(self.args[0])


class ParameterNotDeclaredException(ParameterException):
    def __init__(self, parameters: str | list[str], *args: object) -> None:
        super().__init__(f"Invalid access to undeclared parameter(s): {parameters}", parameters, *args)


class ParameterAlreadyDeclaredException(ParameterException):
    def __init__(self, parameters: str | list[str], *args: object) -> None:
        super().__init__(f"Parameter(s) already declared: {parameters}", parameters, *args)


class InvalidParameterException(ParameterException):
    def __init__(self, parameter_name: str, *args: object) -> None:
        super().__init__(f"Invalid parameter name: {parameter_name}", parameter_name, *args)


class InvalidParameterTypeException(ParameterException):
    def __init__(self, desired_parameter: object, expected_type: object, *args: object) -> None:
        name, type_ = getattr(desired_parameter, "name", "?"), getattr(desired_parameter, "type_", "?")
        super().__init__(
            f"Trying to set parameter '{name}' to '{getattr(desired_parameter, 'value', '?')}' of type '{type_}', "
            f"expecting type '{expected_type}'",
            desired_parameter,
            *args,
        )


class InvalidParameterValueException(ParameterException):
    def __init__(self, parameter: str, value: object, reason: str, *args: object) -> None:
        super().__init__(f"Invalid parameter value ({value}) for parameter '{parameter}'. Reason: {reason}", parameter)


class ParameterImmutableException(ParameterException):
    def __init__(self, parameter_name: str | list[str], *args: object) -> None:
        super().__init__(f"Attempted to modify read-only parameter(s): {parameter_name}", parameter_name, *args)


class ParameterUninitializedException(ParameterException):
    def __init__(self, parameter_name: str, *args: object) -> None:
        super().__init__(f"The parameter '{parameter_name}' is not initialized", parameter_name, *args)
