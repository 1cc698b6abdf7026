"""
What the exchange says when it refuses a request: HTTP status, error code, message.

Source: USDⓈ-M Futures > Error Code, and the answers of the live system where they are more precise.
"""

from __future__ import annotations


class Refused(Exception):
    """
    The exchange does not do what it was asked for; nothing changed.

    Attributes:
        status: HTTP status of the answer.
        code: Binance's error code, negative.
        message: Binance's words.
    """

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.code}: {self.message}"

    @property
    def body(self) -> dict[str, object]:
        """The JSON body of the answer."""
        return {"code": self.code, "msg": self.message}


_MESSAGES = {
    -1106: "Parameter '{0}' sent when not required.",
    -1102: "Mandatory parameter '{0}' was not sent, was empty/null, or malformed.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1128: "Combination of optional parameters invalid.",
    -1130: "Data sent for parameter '{0}' is not valid.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2019: "Margin is insufficient.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -4003: "Quantity less than or equal to zero.",
    -4013: "Price less than min price.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4028: "Leverage {0} is not valid",
    -4045: "Reach max stop order limit.",
    -4046: "No need to change margin type.",
    -4047: "Margin type cannot be changed if there exists open orders.",
    -4048: "Margin type cannot be changed if there exists position.",
    -4050: "Cross balance insufficient.",
    -4059: "No need to change position side.",
    -4061: "Order's position side does not match user's setting.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.",
    -4116: "ClientOrderId is duplicated.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    -4165: "Maximum time interval is {0} days.",
    -4167: "Unable to adjust to Multi-Assets mode with symbols of USDⓈ-M Futures under isolated-margin mode.",
    -4168: "Unable to adjust to isolated-margin mode under the Multi-Assets mode.",
    -5021: "Due to the order could not be filled immediately, the FOK order has been rejected.",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    -5027: "No need to modify the order.",
    -5037: "Invalid price match",
    -5038: "Price match only supports order type: LIMIT, STOP AND TAKE_PROFIT",
    -5039: "Invalid self trade prevention mode",
    -5040: "The goodTillDate timestamp must be greater than the current time plus 600 seconds"
    " and smaller than 253402300799000",
}


def refused(code: int, subject: str = "") -> Refused:
    """
    The refusal Binance gives for an error code.

    Args:
        code: Binance's error code.
        subject: The parameter or figure the message names, where it names one.
    """
    return Refused(400, code, _MESSAGES[code].format(subject))
